/**
 * The expected answers to a script: from RFC 9112 and RFC 9110, the guide's page on limits, and the routes of the app in
 * test/fixtures/fuzz/. Pure. It knows nothing of heddle's code. Where the standards leave a choice, it lists each outcome.
 *
 * The rules:
 * - Requests are answered in order, each exactly once, until one closes the connection (RFC 9112 §9.3.2, §9.6).
 * - A response closes the connection if the request asks for it, if the request is HTTP/1.0 without keep-alive, if the response
 *   is the last that the connection may have, or if it refuses the request's form. Then its head says so.
 * - A response may also close if the app did not read the request's body, or if the request has a body and offers an upgrade.
 *   Then its head says so. Otherwise the next request is answered. In both cases the response arrives whole.
 * - A request with an invalid head reaches no handler. One with an invalid body may have been answered before that is known.
 *   Nothing after it is answered.
 * - A client that asks for the close but sends more may lose the answer to a reset (RFC 9112 §9.6). So may one that sends more
 *   on a connection that takes one request: it is closed at once (docs/decisions/connections-that-end.md).
 * - An answer that its handler breaks off may be cut anywhere, even before its first byte. The connection then closes.
 * - A request that the client breaks off need not be answered. All requests before it must be.
 */

import { faultOf } from "./faults.ts";
import { REQUESTS } from "./limits.ts";
import { render } from "./render.ts";
import { type RequestSpec, type Route, type Script, sentOf } from "./script.ts";

export type Shape = "listener" | "fetch";

export interface Subject {
  readonly shape: Shape;
  /** Whether a connection takes another request after its response: not under `sync`. */
  readonly keepsConnections: boolean;
  /** Reloads go on: any response may be the last on its connection, if it says so. */
  readonly reloads: boolean;
  /** Whether responses are asked for their date. */
  readonly dates: boolean;
  /** Whether an answer must arrive although the server closes while more of the client's bytes are on their way. */
  readonly lingers: boolean;
}

/** One way in which a request may be answered. */
export interface Option {
  readonly statuses: readonly number[];
  /**
   * `echo`: what the request was, its body included; `head`: the same without the body; `refusal`: heddle's own short
   * text; `stream` and `late`: the bytes that these routes send.
   */
  readonly body: "echo" | "head" | "refusal" | "stream" | "late" | "any";
  /** Whether the response is complete. */
  readonly whole: "yes" | "no" | "either";
  /**
   * `goes on`: it does not close the connection. `says`: it may, and then says so. `closes`: it does, and says so. `ends`:
   * nothing comes after it, said or not. `either`: it may, said or not.
   */
  readonly after: "goes on" | "says" | "closes" | "ends" | "either";
}

/** What is due for one request. */
export interface Due {
  readonly options: readonly Option[];
  /** The connection may end without an answer. */
  readonly mayBeMissing: boolean;
  /** Whether something behind the request may take the answer, or a part of it. */
  readonly mayBeLost: "no" | "by a reset" | "yes";
  readonly mayContinue: boolean;
}

export interface Expectation {
  readonly dues: readonly Due[];
  /** Whatever is answered after these is right, as long as it is HTTP and the connection ends. */
  readonly thenAnything: boolean;
}

export function expect(script: Script, subject: Subject): Expectation {
  const { requests, end } = script;
  const dues: Due[] = [];
  let thenAnything = false;
  for (const [index, spec] of requests.entries()) {
    const isLast = index === requests.length - 1;
    thenAnything = isLast && end.kind === "garbles";
    if (thenAnything) break;
    const due =
      isLast && end.kind === "breaks off" ? brokenOff(spec, index, end, subject) : answered(spec, index, subject);
    // The server waits for the rest of such a body, and the client has left in the middle of it.
    const looksBrokenOff = isLast && end.kind === "half-closes" && hidesFault(spec);
    const options = mayBeLast(index, script) ? due.options.map(sayingSo) : due.options;
    const mayBeMissing = due.mayBeMissing || looksBrokenOff;
    dues.push({ ...due, options, mayBeMissing, mayBeLost: lossOf(index, script, subject) });
    if (options.every(({ after }) => after === "closes" || after === "ends")) break;
  }
  return { dues, thenAnything };
}

/**
 * A client that has closed its side sends nothing more: to the last request that came whole the server may say that it
 * closes.
 */
function mayBeLast(index: number, { requests, end }: Script): boolean {
  if (end.kind === "half-closes") return index === requests.length - 1;
  const isOdd = end.kind === "garbles" || (end.kind === "breaks off" && end.next === "half-closes");
  return isOdd && index === requests.length - 2;
}

function sayingSo(option: Option): Option {
  return option.after === "goes on" ? { ...option, after: "says" } : option;
}

/** What becomes of an answer through what the client sends or does behind its request, before the answer is there. */
function lossOf(index: number, { requests, end }: Script, subject: Subject): Due["mayBeLost"] {
  if (end.kind === "vanishes") return "yes";
  const untilNextWait = requests.slice(index + 1).findIndex(({ waits }) => waits);
  const behind =
    untilNextWait === -1 ? requests.slice(index + 1) : requests.slice(index + 1, index + 1 + untilNextWait);
  if (behind.some((spec) => reachesHandler(spec) && isDestroyed(spec, subject))) return "yes";
  // An answer that breaks off shows that by the end of its connection, whatever of the client's is unread.
  if (behind.some((spec) => reachesHandler(spec) && spec.route === "late")) return "by a reset";
  const isClosedAtOnce = !subject.lingers || !subject.keepsConnections;
  const asks = isClosedAtOnce || [requests[index]!, ...behind.slice(0, -1)].some(asksForClose);
  return asks && behind.length > 0 ? "by a reset" : "no";
}

function answered(spec: RequestSpec, index: number, subject: Subject): Omit<Due, "mayBeLost"> {
  const mayContinue = spec.expect !== "no" && spec.version === "1.1";
  const fault = spec.fault === undefined ? undefined : faultOf(spec.fault);
  if (fault === undefined) {
    const own = answersOf(spec, subject).map((option) => ({ ...option, after: afterOf(spec, index, option, subject) }));
    return { options: own, mayBeMissing: isDestroyed(spec, subject) || spec.route === "late", mayContinue };
  }
  const refusal: Option = { statuses: fault.statuses, body: "refusal", whole: "yes", after: "closes" };
  if (fault.where === "head") return { options: [refusal], mayBeMissing: false, mayContinue: false };
  const late = hidesFault(spec) ? [{ ...refusal, statuses: [408] }] : [];
  return {
    options: [refusal, ...late, ...cutShort(spec, subject)],
    mayBeMissing: mayBeCut(spec, subject),
    mayContinue,
  };
}

/** node:http's parser does not tell what is wrong in the body of a request that offers an upgrade, and takes no more of it. */
function hidesFault(spec: RequestSpec): boolean {
  return spec.fault !== undefined && faultOf(spec.fault).where !== "head" && offersUpgrade(spec);
}

function brokenOff(spec: RequestSpec, index: number, end: BreaksOff, subject: Subject): Omit<Due, "mayBeLost"> {
  const stalls = end.next === "stalls";
  const refusal: Option = { statuses: stalls ? [408] : [400, 408], body: "refusal", whole: "yes", after: "closes" };
  // Of a request that is none, more may be wrong than that it breaks off.
  const fault = spec.fault === undefined ? [] : [{ ...refusal, statuses: faultOf(spec.fault).statuses }];
  const options = [refusal, ...fault, ...cutShort(spec, subject)];
  const mayBeMissing = !stalls || mayBeCut(spec, subject) || sendsEmptyLinesOnly(spec, index, end);
  return { options, mayBeMissing, mayContinue: spec.expect !== "no" };
}

/** No request has begun then. */
function sendsEmptyLinesOnly(spec: RequestSpec, index: number, end: BreaksOff): boolean {
  const { head, body } = render(spec, `00000000-${index}`);
  return sentOf(head.length + body.length, end.at) <= spec.emptyLines * "\r\n".length;
}

type BreaksOff = Extract<Script["end"], { kind: "breaks off" }>;

/** Without the rest of the body: what the app answers without it, or has begun to answer. */
function cutShort(spec: RequestSpec, subject: Subject): Option[] {
  if (spec.route === "early" || spec.route === "late")
    return [{ statuses: [200], body: "any", whole: "either", after: "ends" }];
  if (readsAll(spec, subject) || isDestroyed(spec, subject)) return [];
  // A stream may be cut: its request has failed before it was complete.
  const whole = spec.route === "stream" ? { whole: "either" as const } : {};
  return answersOf(spec, subject).map((option) => ({ ...option, ...whole, after: "ends" }));
}

type Answer = Omit<Option, "after">;

/** What the app does, and heddle for it when it throws. */
function answersOf(spec: RequestSpec, subject: Subject): Answer[] {
  const whole = "yes";
  // A fetch app's URL has no form for this: what it makes of it is its own affair, but it is no failure.
  if (spec.form === "asterisk" && subject.shape === "fetch")
    return [{ statuses: [200, 204, 400, 404, 405, 501], body: "any", whole }];
  switch (spec.route) {
    case "throw":
    case "reject":
      return [{ statuses: [500], body: "refusal", whole }];
    case "stream":
      return [{ statuses: [200], body: "stream", whole }];
    case "late":
      if (spec.method === "HEAD") return [{ statuses: [200, 500], body: "any", whole: "either" }];
      return [{ statuses: [200], body: "late", whole: "no" }];
    case "destroy":
      return subject.shape === "listener" ? [] : [{ statuses: [200], body: "head", whole }];
    default: {
      const status = spec.route === "pipeline" ? 507 : 200;
      return [{ statuses: [status], body: readsAll(spec, subject) ? "echo" : "head", whole }];
    }
  }
}

function afterOf(spec: RequestSpec, index: number, { whole }: Answer, subject: Subject): Option["after"] {
  if (whole === "no") return "ends";
  if (isLateHead(spec)) return "either";
  if (mustClose(spec, index, subject)) return spec.version === "1.0" ? "ends" : "closes";
  if (spec.version === "1.0" || subject.reloads) return "says";
  if (hasBody(spec) && (offersUpgrade(spec) || !readsAll(spec, subject))) return "says";
  return "goes on";
}

/**
 * What comes behind an upgrade is no HTTP if the server takes it up: one that does not may close the connection (RFC 9110
 * §7.8).
 */
function offersUpgrade({ extra, connection }: RequestSpec): boolean {
  return extra.some((line) => line.startsWith("Upgrade:")) && /\bupgrade\b/i.test(connection ?? "");
}

function mustClose(spec: RequestSpec, index: number, { keepsConnections }: Subject): boolean {
  return !keepsConnections || index + 1 >= REQUESTS || asksForClose(spec);
}

function asksForClose({ connection, version }: RequestSpec): boolean {
  const tokens = (connection ?? "").toLowerCase().split(/[ \t]*,[ \t]*/);
  return tokens.includes("close") || (version === "1.0" && !tokens.includes("keep-alive"));
}

export function hasBody({ body }: RequestSpec): boolean {
  return body.kind === "chunked" || (body.kind === "length" && body.bytes > 0);
}

const READING: ReadonlySet<Route> = new Set(["whole", "slow", "stream", "reject", "early"]);

/** Whether the app has seen the whole body when it has answered. */
function readsAll(spec: RequestSpec, { shape }: Subject): boolean {
  if (!READING.has(spec.route)) return false;
  if (shape === "listener") return true;
  if (spec.form === "asterisk") return false;
  // A `Request` of these methods has no body, and the stream of an answer to HEAD is never asked for anything.
  if (spec.method === "HEAD" || spec.method === "GET") return !hasBody(spec);
  return true;
}

/** Cut short, the answer may be cut before any of it is out. */
function mayBeCut(spec: RequestSpec, subject: Subject): boolean {
  return spec.route === "early" || spec.route === "late" || isDestroyed(spec, subject);
}

/** What is wrong in a body is known only when the handler may have begun. */
function reachesHandler({ fault }: RequestSpec): boolean {
  return fault === undefined || faultOf(fault).where === "body";
}

function isDestroyed({ route }: RequestSpec, { shape }: Subject): boolean {
  return route === "destroy" && shape === "listener";
}

/** Whether anything of the answer to HEAD is out when its handler fails is a matter of when Node sends heads. */
function isLateHead({ route, method }: RequestSpec): boolean {
  return route === "late" && method === "HEAD";
}
