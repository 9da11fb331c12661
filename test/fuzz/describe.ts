/** Formats a script and its result for people. */

import type { Observed } from "./judge.ts";
import type { Due, Expectation } from "./reference.ts";
import { render } from "./render.ts";
import type { Response } from "./response-stream.ts";
import type { BodySpec, Cut, End, Script } from "./script.ts";

const HEAD_SHOWN = 500;
const BODY_SHOWN = 80;

export function describeScript({ requests, end, readsAfterMs }: Script): string {
  const lines = requests.flatMap((spec, index) => {
    const { head, body } = render(spec, `id-${index}`);
    const when = spec.waits || index === 0 ? "" : ", right behind the last";
    const wrong = spec.fault === undefined ? "" : `; not valid: ${spec.fault}`;
    const leave = spec.expect === "waits" ? "; waits for 100 before its body" : "";
    return [
      `request ${index + 1}${when}${leave}${wrong}${describeCuts(spec.cuts)}`,
      `    ${shorten(head, HEAD_SHOWN)}`,
      ...(body.length > 0 ? [`    ${describeBody(spec.body)}: ${shorten(body, BODY_SHOWN)}`] : []),
    ];
  });
  if (readsAfterMs > 0) lines.unshift(`the client reads nothing for ${readsAfterMs} ms`);
  return [...lines, `end: ${describeEnd(end)}`].join("\n");
}

export function describeExpected({ dues, thenAnything }: Expectation): string {
  const lines = dues.map((due, index) => `response ${index + 1}: ${describeDue(due)}`);
  return [...lines, thenAnything ? "then anything" : "then nothing"].join("\n");
}

export function describeObserved({ responses, end, broken, outlastedMs }: Observed): string {
  const lines = responses.map((response, index) => `response ${index + 1}: ${describeResponse(response)}`);
  const after = outlastedMs === undefined ? "" : ` ${Math.round(outlastedMs)} ms after the client's side`;
  return [...lines, `the connection: ${end}${after}${broken === undefined ? "" : ` (${broken})`}`].join("\n");
}

function describeDue({ options, mayBeMissing }: Due): string {
  const ways = options.map(({ statuses, body, whole, after }) => {
    const cut = whole === "yes" ? "" : whole === "no" ? ", cut" : ", perhaps cut";
    return `${statuses.join("/")} (${body}${cut}; ${after})`;
  });
  return [...ways, ...(mayBeMissing ? ["none"] : [])].join(" or ");
}

function describeResponse({ status, headers, body, complete, interim }: Response): string {
  const shown = ["connection", "content-length", "transfer-encoding"].flatMap((name) =>
    headers.has(name) ? [`${name}: ${headers.get(name)}`] : [],
  );
  const before = interim > 0 ? "100, then " : "";
  return `${before}${status} {${shown.join(", ")}} ${shorten(body, HEAD_SHOWN)}${complete ? "" : " CUT"}`;
}

function describeBody(body: BodySpec): string {
  if (body.kind === "none") return "body";
  const what = `${body.bytes} ${body.content === "bytes" ? "bytes" : "bytes of requests"}`;
  return body.kind === "length" ? what : `${what} in chunks of ${body.chunkSizes.join(", ")}`;
}

function describeCuts(cuts: readonly Cut[]): string {
  if (cuts.length === 0) return "";
  return `; cut at ${cuts.map(({ at, pauseMs }) => `${Math.round(at * 100)} % for ${pauseMs} ms`).join(", ")}`;
}

function describeEnd(end: End): string {
  switch (end.kind) {
    case "breaks off":
      return `breaks off after ${(end.at * 100).toFixed(1)} % of the last request, then ${end.next}`;
    case "vanishes":
      return `resets after ${(end.at * 100).toFixed(1)} % of the last request`;
    case "garbles":
      return `byte ${(end.at * 100).toFixed(1)} % of the last head is ${end.byte}, then half-closes`;
    default:
      return end.kind;
  }
}

function shorten(bytes: Buffer, shown: number): string {
  const more = bytes.length > shown ? `… (${bytes.length} bytes)` : "";
  return `${JSON.stringify(bytes.toString("latin1", 0, shown))}${more}`;
}
