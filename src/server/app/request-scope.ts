/**
 * What a handler gets of `heddle/tasks` for its request, under every model: a context that ends with the request, and a group of
 * tasks that does not outlive it. And what it may say about itself: `reclassify`.
 *
 *   import { reclassify, requestContext, requestGroup } from "heddle";
 *
 * Whoever runs handlers on a thread says how a request is found: by node:http's request, and, where the handler's async context
 * names it, without one. `heddle/tasks` is loaded at the first use, so that apps which do without it don't pay for it.
 *
 * A request's scope is made on first use. It ends when its response is out and its handler has returned; on a serving thread
 * (models `loop`, `sync`) when its response is out, as nothing there waits for the handler.
 */

import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { count } from "../../errors/count.ts";
import { HeddleError } from "../../errors/errors.ts";
import { perThread } from "../../kit/per-thread.ts";
import type { CancelableContext, Context } from "../../tasks/context/context.ts";
import type { TaskGroup } from "../../tasks/jobs/task-group.ts";

type Tasks = typeof import("../../tasks/index.ts");

/** `tasks`: it only waits from now on. `threads`: it computes or blocks. */
export type HandlerClass = "tasks" | "threads";

/** A request that a handler of this thread runs for. */
export interface ScopedRequest {
  readonly signal: AbortSignal;
  /** Milliseconds since 1970 at which its time is over. undefined: no limit. */
  readonly deadline: number | undefined;
  /** `GET /report/:id` */
  readonly routeName: string;
  scope: RequestScope | undefined;
  reclassify(as: HandlerClass): Promise<void>;
}

export interface RequestScope {
  readonly context: CancelableContext;
  group: TaskGroup | undefined;
}

interface Requests {
  of(req: IncomingMessage): ScopedRequest | undefined;
  /** The request whose handler calls. undefined: the thread can't tell. */
  current(): ScopedRequest | undefined;
}

const installed = perThread<{ requests: Requests | undefined }>("requests", () => ({ requests: undefined }));

/** Before the app is loaded. */
export function installRequests(requests: Requests): void {
  installed.requests = requests;
}

/**
 * The request's context: its deadline is the request's timeout, and it is cancelled when the client leaves, when the time is over, and
 * when the server drains, as `request.signal` is aborted; the signal's reason is its cause. Under the model `tasks` it is also
 * `Context.current()`.
 *
 * `request`: node:http's, or the `Request` of a fetch app. Not needed under `tasks`, `threads` and `thread-per-request`.
 *
 * @throws HeddleError REQUEST_UNKNOWN if it is no request of this thread
 */
export function requestContext(request?: IncomingMessage | Request): Context {
  return scopeOf(find(request, "requestContext")).context;
}

/**
 * The request's group of tasks, for what must not outlive it. When the response is out and the handler has returned, tasks that still
 * run are cancelled and awaited. A task's failure that nobody has awaited fails the request.
 *
 * @throws HeddleError REQUEST_UNKNOWN if it is no request of this thread
 */
export function requestGroup(request?: IncomingMessage | Request): TaskGroup {
  const scope = scopeOf(find(request, "requestGroup"));
  return (scope.group ??= new (tasks().TaskGroup)(scope.context));
}

/**
 * The handler says what it does from now on, as far as that differs from its model.
 *
 * `reclassify("tasks")` under `threads`: it only waits. Its thread takes the next request meanwhile.
 * `reclassify("threads")` under `tasks`: it computes or blocks. Its thread takes no other request, and those that have not begun go
 * to other threads, until it is done or says "tasks" again. After `reclassify("tasks")` under `threads` it gets its thread back:
 * the promise settles when the request that runs there now is done.
 *
 * @throws HeddleError REQUEST_UNKNOWN outside of requests; RECLASSIFY_REFUSED for "threads" under a model where it would block others
 */
export function reclassify(as: HandlerClass, request?: IncomingMessage | Request): Promise<void> {
  if (as !== "tasks" && as !== "threads") {
    throw new HeddleError("RECLASSIFY_REFUSED", `reclassify() got ${String(as)}; expected "tasks" or "threads".`);
  }
  return find(request, "reclassify").reclassify(as);
}

/** Its context, made on first use. */
export function scopeOf(request: ScopedRequest): RequestScope {
  return (request.scope ??= { context: contextOf(request), group: undefined });
}

function contextOf({ deadline, signal }: ScopedRequest): CancelableContext {
  return tasks()
    .Context.background()
    .withDeadline(deadline ?? Infinity)
    .withSignal(signal);
}

/**
 * The request is over. Cancels what is left of its scope. Resolves when all tasks of its group have ended, to the failure that
 * nobody has seen. undefined: it had no group. `warn` is told of tasks that were left.
 */
export function endScope(request: ScopedRequest, warn: (message: string) => void): Promise<unknown> | undefined {
  const { scope } = request;
  if (scope === undefined) return undefined;
  const { context, group } = scope;
  if (group === undefined) {
    context.cancel();
    return undefined;
  }
  if (group.active > 0) {
    warn(
      `${request.routeName}: ${count(group.active, "task")} of the request's group still ran when its response was out and its handler had returned, and was cancelled. Await requestGroup().wait() in the handler; start what may outlive a request with go().`,
    );
    context.cancelWith(new HeddleError("CANCELED", "the request is over."));
  }
  return group[Symbol.asyncDispose]().then(
    () => undefined,
    (error: unknown) => (isCancellation(error) ? undefined : error),
  );
}

function isCancellation(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "CANCELED" || error.code === "DEADLINE_EXCEEDED");
}

function find(request: IncomingMessage | Request | undefined, what: string): ScopedRequest {
  const { requests } = installed;
  const req = request === undefined ? undefined : nodeRequestOf(request);
  const found = req === undefined ? requests?.current() : requests?.of(req);
  if (found !== undefined) return found;
  const message =
    request === undefined
      ? `${what}() was called outside of a request, or by a handler of a model that does not know whose code runs.`
      : `${what}() got an object that is no request of this thread.`;
  throw new HeddleError("REQUEST_UNKNOWN", message, {
    hint: `Pass it the handler's request (node:http's, or the Request of a fetch app): ${what}(${what === "reclassify" ? '"tasks", ' : ""}request).`,
  });
}

/** A fetch app's `Request` is srvx's, which keeps node:http's. */
function nodeRequestOf(request: IncomingMessage | Request): IncomingMessage {
  return (
    (request as { runtime?: { node?: { req?: IncomingMessage } } }).runtime?.node?.req ?? (request as IncomingMessage)
  );
}

let loaded: Tasks | undefined;

function tasks(): Tasks {
  const [extension] = /\.[jt]s$/.exec(import.meta.url) ?? [".js"];
  return (loaded ??= createRequire(import.meta.url)(`../../tasks/index${extension}`) as Tasks);
}
