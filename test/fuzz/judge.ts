/** Compares what came on a connection with what the reference expects. Pure. An empty list means that all is right. */

import { createHash } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { type Echo, LATE_BYTES, pool } from "../fixtures/fuzz/parts.ts";
import { type Due, expect, type Option, type Subject } from "./reference.ts";
import { contentOf, pathOf, targetOf } from "./render.ts";
import type { Response } from "./response-stream.ts";
import type { RequestSpec, Script } from "./script.ts";

/** What a client saw of its connection. */
export interface Observed {
  readonly responses: readonly Response[];
  /**
   * `ended`: the server closed its side; `reset`: it broke the connection, or the client could not write any more; `left`: the
   * client went, as its script said; `silent`: nothing came any more although something was due.
   */
  readonly end: "ended" | "reset" | "left" | "silent";
  /** What was no HTTP, or why there is no connection. */
  readonly broken: string | undefined;
  /**
   * The machine was so busy that the client's end may have left, or may have been heard, too long after its last byte: a server
   * takes such a client for one that has gone (docs/decisions/connections-that-end.md).
   */
  readonly endedLate: boolean;
  /** How long the connection went on after the client had ended its side. Undefined: it had not. */
  readonly outlastedMs: number | undefined;
}

/** The id that the request of this number carries. */
export type IdOf = (index: number) => string;

export function judge(script: Script, subject: Subject, observed: Observed, idOf: IdOf): string[] {
  const { dues, thenAnything } = expect(script, subject);
  const { responses, end, broken, endedLate } = observed;
  if (broken !== undefined) return [broken];
  const faults: string[] = [];
  if (end === "silent") faults.push(`silence after ${responses.length} responses`);
  let isOver = false;
  for (const [index, due] of dues.entries()) {
    const response = responses[index];
    const what = `response ${index + 1}`;
    const mayBeLost = endedLate || due.mayBeLost === "yes" || (due.mayBeLost === "by a reset" && end === "reset");
    if (response === undefined) {
      if (!due.mayBeMissing && !mayBeLost) faults.push(`${what} is missing (the connection: ${end})`);
      return faults;
    }
    const spec = script.requests[index]!;
    const misfits = due.options.map((option) => misfit(spec, option, response, idOf(index)));
    const fitting = due.options.filter((_option, i) => misfits[i] === undefined);
    if (!response.complete && (end === "left" || mayBeLost)) return faults;
    if (fitting.length === 0) faults.push(`${what} ${response.status}: ${[...new Set(misfits)].join("; or ")}`);
    faults.push(...formOf(response, due, subject).map((fault) => `${what} ${response.status}: ${fault}`));
    isOver = closes(spec, response) || !response.complete || fitting.some(({ after }) => after === "closes");
    if (isOver) {
      if (responses.length > index + 1)
        faults.push(`${what} is the last, and ${responses.length - index - 1} more came`);
      return faults;
    }
    const mayEnd = fitting.some(({ after }) => after === "ends" || after === "either");
    if (mayEnd && responses.length === index + 1) return faults;
    if (fitting.length > 0 && fitting.every(({ after }) => after === "ends"))
      return [...faults, `${responses.length - index - 1} responses after the last that is due`];
  }
  if (!thenAnything && responses.length > dues.length)
    faults.push(`${responses.length - dues.length} responses more than requests`);
  return [...faults, ...orderOf(script, responses)];
}

/** Whether the connection ends with this response, as its client understands it (RFC 9112 §9.3). */
export function closes(spec: RequestSpec | undefined, { headers, untilClose }: Response): boolean {
  const tokens = (headers.get("connection") ?? "").toLowerCase().split(/[ \t]*,[ \t]*/);
  if (tokens.includes("close") || untilClose) return true;
  return spec?.version === "1.0" && !tokens.includes("keep-alive");
}

/** Why the response is not this option's; undefined when it is. */
function misfit(spec: RequestSpec, option: Option, response: Response, id: string): string | undefined {
  const { status, complete } = response;
  if (!option.statuses.includes(status)) return `${option.statuses.join(" or ")} was due`;
  if (option.whole !== "either" && (option.whole === "yes") !== complete) return complete ? "complete" : "incomplete";
  const isClosing = closes(spec, response);
  if (option.after === "goes on" && isClosing) return "closes the connection for no reason";
  if (option.after === "closes" && !isClosing) return "does not say that it closes";
  if (spec.method === "HEAD" && status < 300) return undefined;
  return wrongBody(spec, option, response, id);
}

function wrongBody(spec: RequestSpec, option: Option, response: Response, id: string): string | undefined {
  const { status, body, complete } = response;
  switch (option.body) {
    case "any":
      return undefined;
    case "refusal": {
      const text = spec.method === "HEAD" ? "" : `${status} ${STATUS_CODES[status]}\n`;
      return body.toString("latin1") === text ? undefined : `its body is ${shorten(body)}`;
    }
    case "stream":
      return body.equals(pool.subarray(0, complete ? spec.amount : Math.min(body.length, spec.amount)))
        ? undefined
        : `the stream's ${body.length} bytes differ`;
    case "late":
      return pool.subarray(0, LATE_BYTES).equals(body) ? undefined : `${body.length} other bytes`;
    default:
      return spec.method === "HEAD" ? undefined : wrongEcho(spec, option.body, body, id);
  }
}

function wrongEcho(spec: RequestSpec, part: "echo" | "head", body: Buffer, id: string): string | undefined {
  const told = echoIn(body);
  if (told === undefined) return `its body is ${shorten(body)}`;
  if (told.id !== id) return `it answers request ${told.id}, not ${id}`;
  if (told.method !== spec.method) return `method ${told.method}`;
  if (told.url !== pathOf(spec) && told.url !== targetOf(spec)) return `url ${told.url}`;
  if (part === "head") return undefined;
  const content = contentOf(spec);
  if (told.length !== content.length) return `${told.length} bytes of ${content.length} reached the handler`;
  const hash = createHash("sha1").update(content).digest("hex");
  return told.hash === hash ? undefined : "other bytes reached the handler";
}

function echoIn(body: Buffer): Echo | undefined {
  try {
    return JSON.parse(body.toString("utf8")) as Echo;
  } catch {
    return undefined;
  }
}

/** What holds for every response. */
function formOf({ status, headers, interim }: Response, { mayContinue }: Due, { dates }: Subject): string[] {
  const faults: string[] = [];
  // RFC 9110 §6.6.1.
  if (dates && status < 500 && !headers.has("date")) faults.push("no date");
  if (interim > (mayContinue ? 1 : 0)) faults.push(`${interim} times 100 Continue`);
  return faults;
}

/** RFC 9110 §9.2.1 and the IANA registry of methods, of those that scripts use. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"]);

/** Pipelined requests may run at once if all are safe (RFC 9112 §9.3.2); the others begin in their order, at least. */
function orderOf({ requests }: Script, responses: readonly Response[]): string[] {
  const faults: string[] = [];
  const began = responses.map(({ body }) => echoIn(body)?.beganNs);
  for (let i = 1; i < responses.length; i++) {
    const [before, now] = [requests[i - 1], requests[i]];
    if (before === undefined || now === undefined || (SAFE.has(before.method) && SAFE.has(now.method))) continue;
    const [first, second] = [began[i - 1], began[i]];
    if (first !== undefined && second !== undefined && BigInt(second) < BigInt(first))
      faults.push(`request ${i + 1} began before request ${i}`);
  }
  return faults;
}

function shorten(body: Buffer): string {
  return `${body.length} bytes: ${JSON.stringify(body.toString("latin1", 0, 80))}`;
}
