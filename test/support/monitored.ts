/** A server whose app is watched by the fake instrumentation of test/fixtures/monitoring/, and what that has seen. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer, type TestServer } from "./server.ts";

/** A file of test/fixtures/monitoring/. */
export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/monitoring/${name}`, import.meta.url));

/** A line of the instrumentation. */
export interface Seen {
  readonly what: string;
  readonly id: string | null;
  readonly context?: string;
  readonly thread: number;
  readonly method?: string;
  readonly url?: string;
  readonly host?: string;
  readonly protocol?: string;
  readonly port?: number;
  readonly status?: number;
  readonly isComplete?: boolean;
  readonly isWhole?: boolean;
  readonly message?: string;
}

export interface Monitored extends TestServer {
  /** What was seen of this request, once its response is closed. */
  seenOf(id: string): Promise<readonly Seen[]>;
  all(): readonly Seen[];
}

export async function monitored(
  t: TestContext,
  shape: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Monitored> {
  const options = `--require=${fixture("instrument.cjs")}`;
  // A busy machine needs its time for each fresh thread.
  const patient = [...args, "--queue-timeout", "0", "--timeout", "0"];
  const server = await startServer(fixture("app.ts"), patient, {
    env: { SHAPE: shape, NODE_OPTIONS: options, ...env },
  });
  t.after(() => server.stop());
  const all = (): Seen[] =>
    [...server.stdout().matchAll(/^seen (.*)\n/gm)].map(([, line]) => JSON.parse(line!) as Seen);
  return {
    ...server,
    all,
    seenOf: async (id) => {
      await server.waitForLog(new RegExp(`^seen .*"close","id":"${id}".*\n`, "m"));
      return all().filter((seen) => seen.id === id);
    },
  };
}

/** Of a request that the app got and answered, in this order. */
export const WHOLE: readonly string[] = [
  "response.created",
  "request.start",
  "request",
  "response.finish",
  "finish",
  "close",
];

export function assertWhole(seen: readonly Seen[], expected: Partial<Seen>, events: readonly string[] = WHOLE): void {
  assert.deepEqual(
    seen.map(({ what }) => what),
    events,
  );
  const emitted = seen.find(({ what }) => what === "request" || what === "checkContinue")!;
  const { method, url, host, protocol, port, status } = { ...seen.find(({ what }) => what === "finish"), ...emitted };
  assert.deepEqual(
    { method, url, host, protocol, port, status },
    { method, url, host, protocol, port, status, ...expected },
  );
  assert.equal(new Set(seen.map(({ thread }) => thread)).size, 1, "seen on one thread");
  assert.ok(
    seen.every(({ isWhole = true }) => isWhole),
    JSON.stringify(seen),
  );
}

interface Look {
  readonly contexts: readonly unknown[];
  readonly own?: string;
}

let count = 0;

export interface Asked {
  readonly id: string;
  readonly status: number;
  readonly text: string;
}

export async function ask(
  server: TestServer,
  path: string,
  context: "run" | "enter" | "none",
  init: RequestInit = {},
): Promise<Asked> {
  const id = `r${++count}`;
  const headers = {
    ...(init.headers as Record<string, string>),
    ...(context === "none" ? {} : { "x-context": context }),
  };
  const response = await fetch(`${server.url}${path}?id=${id}`, { ...init, headers });
  return { id, status: response.status, text: await response.text() };
}

export async function askTls(port: number, path: string): Promise<Asked> {
  const headers = { "x-context": "run" };
  const asking = https.get({ host: "127.0.0.1", port, path, headers, rejectUnauthorized: false, agent: false });
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  return { id: path, status: response.statusCode!, text: (await response.toArray()).join("") };
}

export function assertContext({ text, status }: Asked, expected: unknown): void {
  assert.equal(status, 200, text);
  const look = JSON.parse(text) as Look;
  assert.deepEqual(new Set(look.contexts), new Set([expected]));
  assert.equal(look.own, undefined);
}
