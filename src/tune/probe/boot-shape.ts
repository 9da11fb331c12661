/**
 * Runs an app in one shape: `heddle serve` of this installation as a child process, on a port of its own. Before the sweep, and once
 * for each shape.
 *
 *   arguments (serve-arguments.ts) → spawn → "listening on" → its address → measured → SIGTERM → ended, or killed
 *
 * The app writes to the same output, and may say "listening on" too, of another address: the server itself is asked for its own.
 *
 * A server that ends by itself resolves `ended`. None outlives this process, however this process ends (cli/tuned-server-main.ts).
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HeddleError } from "../../errors/errors.ts";
import { loadNative } from "../../platform/native.ts";
import { pin } from "../load/cpus.ts";
import { formatShape, threadsOf } from "../shape.ts";
import type { Shape } from "../types.ts";
import { type LoopBlocks, readLoops, readRestarts, readUrl, type Restarts } from "./loops.ts";
import { processTree, runDelaySeconds, treeCpuSeconds } from "./process-tree.ts";
import { CONFIG_NAME, configWithRoutes, lastError, ownMessage, SERVER, serveArguments } from "./serve-arguments.ts";

export interface BootedShape {
  /** Without a slash at the end. */
  readonly url: string;
  readonly shape: Shape;
  /** Resolves with the reason if the server ends by itself. Never rejects. */
  readonly ended: Promise<HeddleError>;
  /** CPU seconds of the whole process tree since it started, ended workers included. NaN: this system does not tell. */
  cpuSeconds(): number;
  /** For how many seconds the main threads of its workers had no core though they wanted one. 0: this system does not tell. */
  runDelaySeconds(): number;
  pids(): number[];
  /** What its event loops did since it started. Asks the server, which takes it a millisecond of CPU. */
  blocks(): Promise<LoopBlocks>;
  restarts(): Promise<Restarts>;
  /** The last error in its log. undefined: it has told none. */
  lastError(): string | undefined;
  stop(): Promise<void>;
}

export interface AppToServe {
  /** The app and its settings, as for `heddle serve`. */
  readonly args: readonly string[];
  readonly cwd: string;
  /** The config file that its settings come from, absolute. A shape with routes adds them to it. */
  readonly configFile?: string;
  /** Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface BootOptions {
  readonly signal?: AbortSignal;
  /** Default: longer than the server's own `--boot-timeout`, whose message says more, and a second more for each thread. */
  readonly bootTimeoutMs?: number;
  /** The CPUs that it may use. Default: those of this process. Linux only. */
  readonly cpus?: readonly number[];
}

const BOOT_TIMEOUT_MS = 35_000;
/** Each thread loads the app. */
const THREAD_BOOT_MS = 1000;
/** Longer than the server's graceful timeout. */
const STOP_TIMEOUT_MS = 5000;
/** The output ends with the last process that holds it: after the server's, if a worker or a program of the app's is left. */
const OUTPUT_TIMEOUT_MS = 500;
const OUTPUT_CHARACTERS = 16 * 1024;
/** The line was the app's: the server will serve soon, or fail. */
const ASK_AGAIN_MS = 50;

/** @throws HeddleError TUNE_NOT_SERVED: why it did not start; the signal's reason */
export async function bootShape(app: AppToServe, shape: Shape, options: BootOptions = {}): Promise<BootedShape> {
  const { signal, cpus } = options;
  const { bootTimeoutMs = BOOT_TIMEOUT_MS + THREAD_BOOT_MS * threadsOf(shape) } = options;
  signal?.throwIfAborted();
  await loadNative();
  const serve = serveArguments(app.args, shape);
  // Short: the path of a Unix socket ends at 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), "heddle-tune-"));
  if (shape.routes !== undefined) {
    writeFileSync(join(folder, CONFIG_NAME), configWithRoutes(app.configFile, shape.routes));
  }
  const server = new ServerProcess(serve(folder), app, cpus);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  const stop = async (): Promise<void> => {
    await server.stop();
    process.off("exit", remove);
    remove();
  };
  try {
    const url = await server.listening(join(folder, "control"), bootTimeoutMs, signal);
    return {
      url,
      shape,
      ended: server.exited.then((how) => notServed(shape, `${how} while it was measured`, server.output)),
      cpuSeconds: () => server.cpuSeconds(),
      runDelaySeconds: () => runDelaySeconds(server.pid) ?? 0,
      pids: () => processTree(server.pid),
      blocks: () => readLoops(join(folder, "control")),
      restarts: () => readRestarts(join(folder, "control")),
      lastError: () => lastError(server.output),
      stop,
    };
  } catch (error) {
    await stop();
    if (error instanceof BootFailure) throw notServed(shape, error.message, server.output);
    throw error;
  }
}

function notServed(shape: Shape, how: string, output: string): HeddleError {
  const said = ownMessage(output);
  return new HeddleError(
    "TUNE_NOT_SERVED",
    `The app does not run as ${formatShape(shape)}: its server ${how}${said === "" ? "." : `, and said:\n${said}`}`,
  );
}

class BootFailure extends Error {}

class ServerProcess {
  readonly #child: ChildProcess;
  /** How it ended: `ended with exit code 1`. */
  readonly exited: Promise<string>;
  /** What it wrote last. */
  output = "";
  #hasExited = false;
  #cpuSeconds = NaN;
  readonly #changed = new Set<() => void>();

  constructor(args: readonly string[], { cwd, env = process.env }: AppToServe, cpus: readonly number[] | undefined) {
    this.#child = spawn(process.execPath, [SERVER, ...args], {
      cwd,
      env: { ...env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    // It has one thread so far; all others inherit this.
    if (cpus !== undefined && this.#child.pid !== undefined) pin(this.#child.pid, cpus);
    const keep = (text: string): void => {
      this.output += text;
      this.#tell();
      this.output = this.output.slice(-OUTPUT_CHARACTERS);
    };
    this.#child.stdout!.setEncoding("utf8").on("data", keep);
    this.#child.stderr!.setEncoding("utf8").on("data", keep);
    const killIt = (): void => void this.#child.kill("SIGKILL");
    process.once("exit", killIt);
    this.exited = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#hasExited = true;
        process.off("exit", killIt);
        resolve(how);
        this.#tell();
      };
      this.#child.once("error", ({ message }) => end(`could not be started: ${message}`));
      this.#child.once("exit", (code, signal) => {
        const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
        const timer = setTimeout(() => end(how), OUTPUT_TIMEOUT_MS);
        this.#child.once("close", () => {
          clearTimeout(timer);
          end(how);
        });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Resolves to the URL. @throws BootFailure; the signal's reason */
  async listening(control: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<string> {
    let look: () => void;
    let abort: () => void;
    let timer: NodeJS.Timeout | undefined;
    let again: NodeJS.Timeout | undefined;
    let isAsking = false;
    let isOver = false;
    try {
      return await new Promise((resolve, reject) => {
        look = () => {
          if (this.#hasExited) void this.exited.then((how) => reject(new BootFailure(how)));
          else if (!isAsking && /^listening on /m.test(this.output)) {
            isAsking = true;
            ask();
          }
        };
        const ask = (): void => {
          void readUrl(control).then((url) => {
            if (url !== undefined) resolve(url);
            else if (!isOver) again = setTimeout(ask, ASK_AGAIN_MS);
          }, reject);
        };
        abort = () => reject(signal!.reason as Error);
        this.#changed.add(look);
        signal?.addEventListener("abort", abort, { once: true });
        timer = setTimeout(
          () => reject(new BootFailure(`was not ready within ${(timeoutMs / 1000).toFixed(1)} s`)),
          timeoutMs,
        );
        look();
      });
    } finally {
      isOver = true;
      clearTimeout(timer);
      clearTimeout(again);
      this.#changed.delete(look!);
      signal?.removeEventListener("abort", abort!);
    }
  }

  cpuSeconds(): number {
    const seconds = this.#hasExited ? undefined : treeCpuSeconds(this.pid);
    // It never falls: what an ended worker used is in its parent's count only to 10 ms.
    if (seconds !== undefined && !(seconds < this.#cpuSeconds)) this.#cpuSeconds = seconds;
    return this.#cpuSeconds;
  }

  async stop(): Promise<void> {
    if (this.#hasExited) return;
    const tree = processTree(this.pid);
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => {
      for (const pid of tree) kill(pid);
    }, STOP_TIMEOUT_MS);
    await this.exited;
    clearTimeout(timer);
  }

  #tell(): void {
    for (const look of this.#changed) look();
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
