/** A real server that runs the fuzzed app under one model, and the conditions that must hold whatever clients do. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, command } from "../../src/server/control/client.ts";
import type { ServerStatus } from "../../src/server/control/status.ts";
import { ON_PURPOSE } from "../fixtures/fuzz/parts.ts";
import { makeCertificate } from "../server/arbiter/support.ts";
import { askTls } from "../support/monitored.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { BODY_BYTES, HEADER_BYTES, HEADER_COUNT, REQUEST_LINE_BYTES, REQUESTS } from "./limits.ts";
import type { Target } from "./client.ts";
import type { Shape } from "./reference.ts";
import { hasFfi } from "../support/ffi.ts";

export type FuzzedModel = "loop" | "sync" | "threads" | "thread-per-request" | "tasks" | "actors" | "mixed";

export type Sticky = "none" | "ip" | "cookie";

interface ModelRun {
  readonly args: readonly string[];
  /** Connections at once: more only wait for each other. */
  readonly atOnce: number;
  readonly keepsConnections: boolean;
}

export const models: Readonly<Record<FuzzedModel, ModelRun>> = {
  loop: { args: ["--threads", "2"], atOnce: 100, keepsConnections: true },
  sync: { args: ["--workers", "3"], atOnce: 24, keepsConnections: false },
  threads: { args: ["--threads", "4"], atOnce: 60, keepsConnections: true },
  "thread-per-request": { args: ["--threads", "4"], atOnce: 20, keepsConnections: true },
  tasks: { args: ["--threads", "2"], atOnce: 100, keepsConnections: true },
  actors: { args: ["--threads", "2"], atOnce: 100, keepsConnections: true },
  // Routes of all these models, so that requests of several are pipelined on one connection.
  mixed: { args: ["--model", "loop", "--threads", "2"], atOnce: 60, keepsConnections: true },
};

/** Time limits short enough to wait for, and far more than a busy machine takes. */
const settings = [
  `--limit-request-line=${REQUEST_LINE_BYTES}`,
  `--limit-header=${HEADER_BYTES}`,
  `--limit-headers=${HEADER_COUNT}`,
  `--limit-body=${BODY_BYTES}`,
  `--limit-keep-alive=${REQUESTS}`,
  "--headers-timeout=8s",
  "--body-idle-timeout=8s",
  "--keep-alive=20s",
  "--queue-timeout=0",
  "--timeout=1m",
  "--boot-timeout=1m",
  "--heartbeat-timeout=1m",
  "--blocked-threshold=0",
  "--runaway-budget=1m",
  "--log-format=json",
];

export interface ServerKind {
  readonly model: FuzzedModel;
  readonly shape: Shape;
  readonly sticky?: Sticky;
  readonly tls?: boolean;
}

export class FuzzedServer implements AsyncDisposable {
  readonly #server: TestServer;
  readonly #control: string;
  readonly #folder: string;
  /** Where the log has been looked through to. */
  #seen = 0;

  private constructor(server: TestServer, folder: string, control: string) {
    this.#server = server;
    this.#folder = folder;
    this.#control = control;
  }

  static async start({ model, shape, sticky = "none", tls = false }: ServerKind): Promise<FuzzedServer> {
    const folder = await mkdtemp(join(tmpdir(), "heddle-fuzz-"));
    const control = join(folder, "control");
    const app = new URL(`../fixtures/fuzz/${shape}.ts`, import.meta.url).pathname;
    const named = model === "mixed" ? [] : ["--model", model];
    const { cert, key } = tls ? makeCertificate(folder, "localhost") : {};
    const secure = cert === undefined ? [] : ["--tls-cert", cert, "--tls-key", key!];
    const args = [...named, ...secure, ...models[model].args, ...settings, "--sticky", sticky, "--control", control];
    const env: Readonly<Record<string, string>> = model === "mixed" ? { FUZZ_ROUTES: "mixed" } : {};
    return new FuzzedServer(await startServer(app, args, { env }), folder, control);
  }

  get target(): Target {
    return { port: this.#server.port, isTls: this.#server.url.startsWith("https:") };
  }

  /** What the log has told since the last look that it should not have: all warnings and errors but the app's own. */
  complaints(): string[] {
    const text = this.#server.output(this.#seen);
    const end = text.lastIndexOf("\n") + 1;
    this.#seen += end;
    return text.slice(0, end).split("\n").filter(isComplaint);
  }

  /** Reloads once, with all that belongs to it: the old generation is gone when this resolves. */
  async reload(): Promise<string[]> {
    try {
      const { killed } = (await command(this.#control, "/reload", { progress: () => {} })) as {
        readonly killed: number;
      };
      return killed === 0 ? [] : [`the reload cut requests of ${killed} workers short`];
    } catch (error) {
      return [`the reload failed: ${String(error)}`];
    }
  }

  /** What is wrong with the server when all connections are gone. */
  async faults(): Promise<string[]> {
    const faults = this.complaints();
    try {
      const { restarts } = await this.#status();
      if (restarts.workers + restarts.threads > 0) faults.push(`restarts: ${JSON.stringify(restarts)}`);
    } catch (error) {
      return [...faults, `there is no status: ${String(error)}`];
    }
    try {
      const status = await this.#plainStatus();
      if (status !== 200) faults.push(`a plain request got ${status}`);
    } catch (error) {
      faults.push(`a plain request failed: ${String(error)}`);
    }
    return faults;
  }

  async #plainStatus(): Promise<number | undefined> {
    const { port, isTls } = this.target;
    if (isTls) return (await askTls(port, "/whole")).status;
    return (await fetch(`${this.#server.url}/whole`, { signal: AbortSignal.timeout(10_000) })).status;
  }

  /** Waits until no request runs any more: what a connection left behind may still complain. */
  async quiet(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const status = await this.#status().catch(() => undefined);
      const models = Object.values(status?.models ?? {});
      if (models.every(({ inFlight, queued }) => inFlight + queued === 0)) return;
      await sleep(100);
    }
  }

  /** What runs and what waits, where nothing comes any more. */
  async standing(): Promise<string> {
    try {
      return JSON.stringify((await this.#status()).workers);
    } catch (error) {
      return String(error);
    }
  }

  async #status(): Promise<ServerStatus> {
    return (await ask(this.#control, "/status")) as ServerStatus;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const WARN = 40;

function isComplaint(line: string): boolean {
  if (line === "" || line.startsWith("listening on ")) return false;
  if (!line.startsWith("{")) return true;
  const { level } = JSON.parse(line) as { readonly level: number };
  return level >= WARN && !line.includes(ON_PURPOSE) && (hasFfi || !line.includes("has no node:ffi: "));
}
