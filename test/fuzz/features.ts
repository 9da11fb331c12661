/** Kinds of behaviour that a run can leave out, to find other faults beside a known one that is not fixed yet. */

import { faultOf } from "./faults.ts";
import { REQUESTS } from "./limits.ts";
import { hasBody } from "./reference.ts";
import type { RequestSpec, Route, Script } from "./script.ts";

export const FEATURES = [
  /** Handlers that leave a body unread, or read half of it. */
  "unread bodies",
  /** Requests that end the connection right behind others that are not answered yet. */
  "pipelined closes",
  /** Requests of unsafe methods right behind others, and others behind them. */
  "pipelined writes",
  /** Clients that close their side before they have all answers. */
  "half-closes",
  /** `Host` headers and targets that are wrong. */
  "hosts and targets",
  "connect",
  "expectations",
  /** Upgrades that nobody here takes up. */
  "upgrades",
  /** Last requests that are not sent to their end. */
  "broken ends",
  /** Clients that fall silent within a request: each takes as long as the server's time limits. */
  "stalls",
  /** Not generated, but looked for: that nothing is lost where the server closes a connection on which more arrives. */
  "resets",
  /** Not generated, but looked for: a date in every answer. */
  "dates",
] as const;

export type Feature = (typeof FEATURES)[number];

/** The script with everything taken out that belongs to other features than these. */
export function tame(script: Script, features: ReadonlySet<Feature>): Script {
  let { end, requests } = script;
  if (end.kind === "breaks off" && end.next === "stalls" && !features.has("stalls"))
    end = { ...end, next: "half-closes" };
  if (isBroken(end) && !features.has("broken ends")) end = { kind: "waits" };
  const halfCloses = end.kind === "half-closes" || end.kind === "garbles" || end.kind === "breaks off";
  if (halfCloses && !features.has("half-closes")) end = { kind: "waits" };
  requests = requests.map((spec) => tameRequest(spec, features));
  if (!features.has("pipelined writes"))
    requests = requests.map((spec, i) => (isSafe(spec) && isSafe(requests[i - 1]) ? spec : { ...spec, waits: true }));
  if (!features.has("pipelined closes"))
    requests = requests.map((spec, index) => (mayClose(spec, index, script) ? { ...spec, waits: true } : spec));
  return { ...script, requests, end };
}

function isBroken({ kind }: Script["end"]): boolean {
  return kind === "breaks off" || kind === "garbles";
}

function isSafe(spec: RequestSpec | undefined): boolean {
  return spec === undefined || spec.method === "GET" || spec.method === "HEAD";
}

const UNREAD: ReadonlySet<Route> = new Set(["half", "none", "iterate", "pipeline", "throw", "late", "destroy"]);

function tameRequest(given: RequestSpec, features: ReadonlySet<Feature>): RequestSpec {
  let spec = given;
  const feature = spec.fault === undefined ? undefined : faultOf(spec.fault).feature;
  if (feature !== undefined && !features.has(feature)) spec = { ...spec, fault: undefined };
  if (!features.has("unread bodies")) {
    const isUnread = UNREAD.has(spec.route) || spec.method === "GET" || spec.method === "HEAD";
    const inBody = spec.fault !== undefined && faultOf(spec.fault).where === "body";
    if (isUnread && (hasBody(spec) || inBody)) spec = { ...spec, route: "whole", method: "POST" };
  }
  if (!features.has("expectations")) spec = { ...spec, expect: "no" };
  if (!features.has("upgrades")) spec = { ...spec, extra: spec.extra.filter((line) => !line.startsWith("Upgrade:")) };
  return spec;
}

function mayClose(spec: RequestSpec, index: number, { requests, end }: Script): boolean {
  if (index === requests.length - 1 && (isBroken(end) || end.kind === "half-closes")) return true;
  const unread = hasBody(spec) && UNREAD.has(spec.route);
  const ends = spec.route === "destroy" || spec.route === "late" || unread;
  return (
    spec.fault !== undefined || spec.connection !== undefined || spec.version === "1.0" || ends || index + 1 >= REQUESTS
  );
}
