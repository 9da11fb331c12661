/**
 * Serves a fixture app in a worker thread, where apps really run. Loading an app patches `listen` and caches its modules, so
 * each fixture needs its own thread.
 */

import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { AppShape } from "../../../src/server/app/load/load-app.ts";
import type { WireError } from "../../../src/errors/errors.ts";

export type FromFixture =
  | { kind: "ready"; port: number; shape: AppShape; routes: unknown }
  | { kind: "failed"; error: WireError; modules: string[] }
  | { kind: "modules"; modules: string[] }
  | { kind: "stopped" };

export type ToFixture = "modules" | "stop";

/** A busy machine takes long to load a framework. */
const PATIENCE_MS = 60_000;

export const fixtures: string = join(import.meta.dirname, "fixtures");

export interface ServedFixture extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly shape: AppShape;
  readonly routes: unknown;
  readonly get: (path: string, init?: RequestInit) => Promise<Response>;
  readonly modules: () => Promise<string[]>;
  /** Stops the app and gives what it printed while it ran. */
  readonly stop: () => Promise<string>;
}

interface Started {
  readonly worker: Worker;
  readonly output: () => string;
  readonly first: FromFixture;
}

async function start(file: string, bootTimeoutMs: number): Promise<Started> {
  const worker = new Worker(new URL("serve-fixture-main.ts", import.meta.url), {
    workerData: { file: join(fixtures, file), bootTimeoutMs },
    stdout: true,
  });
  let printed = "";
  worker.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const [first] = (await once(worker, "message")) as [FromFixture];
  return { worker, output: () => printed, first };
}

export async function serveFixture(file: string): Promise<ServedFixture> {
  const { worker, output, first } = await start(file, PATIENCE_MS);
  if (first.kind !== "ready") {
    await worker.terminate();
    throw new Error(`${file} did not load`, { cause: first });
  }
  const ask = async (message: ToFixture): Promise<FromFixture> => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(message);
    const [answer] = (await once(worker, "message")) as [FromFixture];
    return answer;
  };
  let isStopped = false;
  const stop = async (): Promise<string> => {
    isStopped = true;
    const exited = once(worker, "exit");
    const answer = await ask("stop");
    await exited;
    if (answer.kind === "failed") throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return output();
  };
  return {
    port: first.port,
    url: `http://127.0.0.1:${first.port}`,
    shape: first.shape,
    routes: first.routes,
    get: (path, init) =>
      fetch(`http://127.0.0.1:${first.port}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS), ...init }),
    modules: async () => {
      const answer = await ask("modules");
      return answer.kind === "modules" ? answer.modules : [];
    },
    stop,
    async [Symbol.asyncDispose]() {
      if (!isStopped) await stop();
    },
  };
}

/** Loads a fixture that is expected to fail, and gives its error. */
export async function failFixture(
  file: string,
  bootTimeoutMs: number = PATIENCE_MS,
): Promise<WireError & { modules: string[] }> {
  const { worker, first } = await start(file, bootTimeoutMs);
  await worker.terminate();
  if (first.kind !== "failed") throw new Error(`${file} loaded: ${JSON.stringify(first)}`);
  return { ...first.error, modules: first.modules };
}
