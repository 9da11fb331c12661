/** Makes the user's app callable for the pipeline.
 *
 *   locate the file → import it → recognise what it exports, or the server it listens on → prepare → LoadedApp
 *
 * Runs once in each thread that runs handlers. The default export gets the requests. A server that the app listens on beside it
 * gets the upgrades; it may also turn up after loading, and is used from then on. Without a usable export, loading waits for a
 * `listen()` until `signal` aborts: apps listen after an awaited connect.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { DrainReason } from "../../../config/drain-reason.ts";
import { isSocketKind } from "../../../config/routes/socket-kind.ts";
import { HeddleError, messageOf } from "../../../errors/errors.ts";
import { asksForCertificates, isHttp2Server, isSecure, protocolOf } from "../../../platform/app-servers.ts";
import { choosesUpgrade } from "../../../platform/node-internals/app-servers.ts";
import type { AppSockets } from "../listen/app-sockets.ts";
import { importApp, locateApp, type ModuleExports } from "./import-app.ts";
import { ModuleTracker } from "./module-tracker.ts";
import { noHandler } from "./no-handler.ts";
import { show } from "./near-files.ts";
import { callListeners, callUpgradeListeners, type ExpectEvent } from "../node-listener.ts";
import { type Handle, RequestEvents } from "../request-events.ts";
import { ListenCapture, type AppServer, type ListenAddress } from "../listen/self-listening.ts";
import { describe } from "./describe.ts";
import type { OwnRouter } from "./own-router.ts";
import { closeServer, prepare, serverTarget, socketsTarget, type AppShape, type AppTarget } from "./shapes.ts";

export { ModuleTracker } from "./module-tracker.ts";
export type { ExpectEvent } from "../node-listener.ts";
export type { AppServer, ListenAddress } from "../listen/self-listening.ts";
export type { AppShape } from "./shapes.ts";

export interface LoadedApp {
  /** Absolute path. */
  readonly file: string;
  readonly shape: AppShape;
  /** Runs the handler for one exchange. Its throw, or its promise's rejection, is the handler's failure. */
  readonly request: (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;
  /** The app's own server, as far as it has one by now. It never has a connection. */
  readonly server: () => AppServer | undefined;
  /** Whether the app takes upgrades now, or this one. Ask for each request: apps add `upgrade` listeners late. */
  readonly acceptsUpgrade: (req?: IncomingMessage) => boolean;
  /** What the app's listeners throw or reject with is theirs. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void | Promise<void>;
  /** Whether the app wants to answer `Expect` itself; if not, Node's default applies (100 Continue, or 417). */
  readonly acceptsExpect: (event: ExpectEvent) => boolean;
  readonly expect: (event: ExpectEvent, req: IncomingMessage, res: ServerResponse) => void | Promise<void>;
  /** The module's `websocket` export, as it is. */
  readonly websocket: unknown;
  /** The module's `routes` export, as it is. */
  readonly routes: unknown;
  /** What its router ignores, if that can be known. Ask when the app has loaded: it may not listen earlier. */
  readonly ownRouter: () => Promise<OwnRouter | undefined>;
  /** Runs the module's `onStart`. */
  readonly start: () => Promise<void>;
  /** Runs the module's `onDrain`, with why it drains. May hang if the app does. */
  readonly drain: (reason: DrainReason) => Promise<void>;
  /** Runs the module's `onStop`, then closes the app. May hang if the app does: the caller bounds it. */
  readonly stop: () => Promise<void>;
  /** The app's own files, not those of packages. */
  readonly modules: () => string[];
}

export interface LoadAppOptions {
  /** Where heddle listens; the app's own server answers it from `address()`. */
  readonly address: ListenAddress;
  /** Of the Unix sockets that heddle listens on, absolute. */
  readonly paths?: readonly string[];
  /** Aborts when the boot timeout is over. Without it, loading may wait forever. */
  readonly signal?: AbortSignal;
  /** Pass one to know the app's files even when loading fails. */
  readonly modules?: ModuleTracker;
  /** heddle serves over TLS, with its own certificate. */
  readonly isTls?: boolean;
  /** It is the program's main module. */
  readonly asMain?: boolean;
  /** `process.argv` from its third place on. */
  readonly args?: readonly string[];
  /** What the operator should know of the app's other listening sockets. */
  readonly notice?: (message: string) => void;
  /** Where the sockets come from that all copies of the app share. */
  readonly sockets?: AppSockets;
}

/** How long after the import an app without a usable export may take to load an http module. */
const firstHttpImportMs = 2000;

/** Once in each thread: it patches `listen` for good. */
export async function loadApp(file: string, options: LoadAppOptions): Promise<LoadedApp> {
  // What is waited for may not keep the thread alive. Without this the thread would end, without a message.
  const hold = setInterval(() => {}, 1000);
  try {
    return await inOwnContext(load, file, options);
  } finally {
    clearInterval(hold);
  }
}

/** What the app enters with `enterWith` while it loads, requests do not inherit. */
function inOwnContext<Args extends readonly unknown[], Result>(run: (...args: Args) => Result, ...args: Args): Result {
  return AsyncLocalStorage.snapshot()(run, ...args);
}

async function load(file: string, options: LoadAppOptions): Promise<LoadedApp> {
  const path = locateApp(file);
  const modules = options.modules ?? ModuleTracker.start();
  modules.add(path);
  process.argv = [process.argv[0]!, path, ...(options.args ?? [])];
  const capture = ListenCapture.install(options.address, options.notice ?? (() => {}), options.sockets, options.paths);

  const exported = await importInTime(path, capture, modules, options);
  const fromExport = await prepareExport(path, exported, options.signal);
  const target =
    fromExport ??
    captured(capture) ??
    onlySockets(exported, modules) ??
    (await waitForListen(path, exported, capture, modules, options.signal));
  // An exported server is told that it listens, so that listeners for its `listening` event run.
  if (target.server !== undefined && target.shape === "server" && !target.server.listening) capture.take(target.server);
  capture.settle(fromExport && ((server) => belongsTo(server, fromExport, exported["default"])));
  if (fromExport !== undefined) target.activate?.();
  const server = capture.server ?? target.server;
  if (options.isTls === true) refuseBeside(path, server);
  else capture.serves(server && protocolOf(server));
  const isTls = options.isTls === true || (server !== undefined && isSecure(server));
  return loadedApp(path, exported, target, capture, modules, { ...options, isTls });
}

/** With `--tls-cert` heddle does TLS, and the app's server has no part in it. That must not change who may connect, or what is spoken. */
function refuseBeside(path: string, server: AppServer | undefined): void {
  if (server === undefined) return;
  if (isHttp2Server(server)) {
    throw new HeddleError(
      "APP_SERVES_HTTP2",
      `${show(path)}: the app's server speaks HTTP/2, and --tls-cert serves HTTP/1.`,
      {
        hint: "Remove --tls-cert and --tls-key: then the app's own server gets the connections. Give it the certificate.",
      },
    );
  }
  if (asksForCertificates(server)) {
    throw new HeddleError(
      "APP_SERVES_TLS",
      `${show(path)}: the app's https server asks clients for certificates, and --tls-cert does not.`,
      { hint: "Remove --tls-cert and --tls-key: then the app's own server does TLS. Give it the certificate." },
    );
  }
}

/** Whether the server serves the export: it is its server, or calls it. */
function belongsTo(server: AppServer, target: AppTarget, exported: unknown): boolean {
  return server === target.server || server.listeners("request").some((listener) => listener === exported);
}

function loadedApp(
  file: string,
  exported: ModuleExports,
  target: AppTarget,
  capture: ListenCapture,
  modules: ModuleTracker,
  { address, isTls = false }: LoadAppOptions,
): LoadedApp {
  const server = (): AppServer | undefined => capture.server ?? target.server;
  const handle: Handle = (event, req, res) => {
    // The server that an app without an export listens on may be another one by now.
    const own = event !== "request" ? server() : target.shape === "self-listening" ? capture.server : undefined;
    return own === undefined ? target.request(req, res) : callListeners(own, event, req, res);
  };
  const events = new RequestEvents(handle, address, isTls);
  return {
    file,
    shape: target.shape,
    request: (req, res) => events.give("request", req, res),
    server,
    acceptsUpgrade: (req) => {
      const own = server();
      if (own === undefined || own.listenerCount("upgrade") === 0) return false;
      return req === undefined || choosesUpgrade(own, req);
    },
    upgrade: (req, socket, head) => {
      const own = server();
      if (own !== undefined) return callUpgradeListeners(own, req, socket, head);
      socket.destroy();
      return undefined;
    },
    acceptsExpect: (event) => (server()?.listenerCount(event) ?? 0) > 0,
    expect: (event, req, res) => events.give(event, req, res),
    websocket: exported["websocket"],
    routes: exported["routes"],
    ownRouter: async () => {
      const { ownRouterOf } = await import("./own-router.ts");
      const listeners = server()?.listeners("request") ?? [];
      const known = [await exported["default"], ...listeners].map(ownRouterOf);
      return known.find((router) => router !== undefined);
    },
    start: () => runHook(file, "onStart", exported["onStart"]),
    drain: (reason) => runHook(file, "onDrain", exported["onDrain"], reason),
    stop: async () => {
      try {
        await runHook(file, "onStop", exported["onStop"]);
      } finally {
        await target.close?.();
        if (capture.server !== undefined) await closeServer(capture.server);
      }
    },
    modules: () => modules.files(),
  };
}

async function importInTime(
  path: string,
  capture: ListenCapture,
  modules: ModuleTracker,
  { signal, asMain = false }: LoadAppOptions,
): Promise<ModuleExports> {
  const importing = importApp(path, modules, asMain);
  const outcome = await Promise.race([importing, aborted(signal)]);
  if (outcome !== timedOut) return outcome;
  importing.catch(() => {});
  capture.takeAnyPort();
  // A top-level await that lasts as long as the app is fine once the app listens.
  if (capture.server !== undefined) return {};
  throw new HeddleError("APP_IMPORT_FAILED", `${show(path)}: importing the app did not end within the boot timeout.`, {
    hint: "A top-level `await` in it, or in a file it imports, never settled.",
  });
}

async function prepareExport(
  path: string,
  exported: ModuleExports,
  signal: AbortSignal | undefined,
): Promise<AppTarget | undefined> {
  const preparing = (async () => prepare(await exported["default"]))();
  try {
    const outcome = await Promise.race([preparing, aborted(signal)]);
    if (outcome !== timedOut) return outcome;
    preparing.catch(() => {});
  } catch (error) {
    throw new HeddleError("APP_IMPORT_FAILED", `${show(path)}: the app did not get ready. ${messageOf(error)}`, {
      cause: error,
    });
  }
  throw new HeddleError("APP_NOT_READY", `${show(path)}: the app did not get ready within the boot timeout.`);
}

function captured(capture: ListenCapture): AppTarget | undefined {
  capture.takeAnyPort();
  return capture.server === undefined ? undefined : serverTarget("self-listening", capture.server);
}

/** An app that has loaded an http module may still listen. */
function onlySockets({ websocket, routes }: ModuleExports, { usesHttp }: ModuleTracker): AppTarget | undefined {
  const kinds = [
    websocket,
    ...Object.values(routes ?? {}).map((route) => (route as { websocket?: unknown })?.websocket),
  ];
  return !usesHttp && kinds.some(isSocketKind) ? socketsTarget() : undefined;
}

async function waitForListen(
  path: string,
  exported: ModuleExports,
  capture: ListenCapture,
  modules: ModuleTracker,
  signal: AbortSignal | undefined,
): Promise<AppTarget> {
  const giveUp = new AbortController();
  // An app that never imports an http module will not listen: fail at once.
  const timer = setTimeout(() => {
    if (!modules.usesHttp) giveUp.abort();
  }, firstHttpImportMs);
  try {
    const over = signal === undefined ? giveUp.signal : AbortSignal.any([signal, giveUp.signal]);
    const outcome = await Promise.race([capture.whenListening(), aborted(over)]);
    if (outcome === timedOut) throw await noHandler(path, exported);
    return serverTarget("self-listening", outcome);
  } finally {
    clearTimeout(timer);
  }
}

async function runHook(file: string, name: string, hook: unknown, ...args: readonly string[]): Promise<void> {
  if (hook === undefined) return;
  if (typeof hook !== "function") {
    throw new HeddleError("APP_HOOK_FAILED", `${show(file)}: ${name} must be a function, and is ${describe(hook)}.`);
  }
  try {
    await inOwnContext(hook as (...args: readonly string[]) => unknown, ...args);
  } catch (error) {
    throw new HeddleError("APP_HOOK_FAILED", `${show(file)}: ${name} threw. ${messageOf(error)}`, { cause: error });
  }
}

const timedOut: unique symbol = Symbol("timed out");

function aborted(signal: AbortSignal | undefined): Promise<typeof timedOut> {
  return new Promise((resolve) => {
    if (signal === undefined) return;
    if (signal.aborted) return resolve(timedOut);
    signal.addEventListener("abort", () => resolve(timedOut), { once: true });
  });
}
