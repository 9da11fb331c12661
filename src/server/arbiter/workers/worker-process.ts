/**
 * A worker's process and the channel to it. It ends once: after the process has ended and was reaped, and all of its messages were
 * read. The end of a process may be known before its last messages are.
 */

import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { existsSync } from "node:fs";
import { availableCpus } from "../../../config/cpus.ts";
import { HeddleError, messageOf } from "../../../errors/errors.ts";
import { leftAlone } from "../../../platform/node-internals/moved-channel.ts";
import { type SentHandle, sendable } from "../../../platform/node-internals/handles.ts";
import { takePreloads } from "../../../supervise/preloads.ts";
import { CHANNEL_FD, type FromWorker, type ToWorker, type WorkerBoot } from "../../worker/worker-protocol.ts";
import { compileCache } from "./compile-cache.ts";
import { appProcessFile, missingFiles, workerFile } from "./own-files.ts";
import { workerFlags } from "./worker-flags.ts";
import type { Accepts } from "./worker-handle.ts";

export interface WorkerProcessOptions {
  readonly boot: Omit<WorkerBoot, "type" | "listeners" | "seat" | "preloads" | "nodeOptions">;
  readonly accepts: Accepts;
  /** The environment of its generation. */
  readonly env: NodeJS.ProcessEnv;
  /** The app runs on its main thread. */
  readonly isAppProcess: boolean;
  readonly received: (message: FromWorker, handle: object | undefined) => void;
  readonly ended: (end: ProcessEnd) => void;
}

export interface ProcessEnd {
  /** null: it was killed, or was never started. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it was never started. */
  readonly startError: HeddleError | undefined;
}

/** @throws HeddleError WORKER_DIED: the system refuses it at once */
function started(args: readonly string[], options: SpawnOptions): ChildProcess {
  try {
    return spawn(process.execPath, args, options);
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === "E2BIG";
    throw new HeddleError("WORKER_DIED", `worker could not be started: ${messageOf(cause)}`, {
      cause,
      ...(isTooLarge && { hint: TOO_LARGE }),
    });
  }
}

const TOO_LARGE =
  "A variable of its environment (--env-file), all of them together, or an argument of the app is too large for the system: on Linux one may have 128 KiB.";

/** A descendant that inherited the channel could keep it open after the worker's end. */
const LAST_WORDS_MS = 500;

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #ended: WorkerProcessOptions["ended"];
  #startError: HeddleError | undefined;

  constructor({ boot, accepts: { listeners, seat }, env, isAppProcess, received, ended }: WorkerProcessOptions) {
    this.#ended = ended;
    const { cwd, found, appArgs } = boot.config;
    const ownFlags = [...process.execArgv, ...(found?.nodeFlags ?? [])];
    const allFlags = workerFlags(availableCpus(), ownFlags, env["NODE_OPTIONS"]);
    // An acceptor runs no user code. Its threads get the preloads.
    const { preloads, ...own } = isAppProcess ? { preloads: [], execArgv: allFlags, env } : takePreloads(allFlags, env);
    // The modules that Node loads before the worker's own code see the app's arguments, as under bare Node.
    const file = isAppProcess ? appProcessFile : workerFile;
    this.#child = started([...own.execArgv, file, ...appArgs], {
      stdio: ["ignore", "inherit", "inherit", "ipc", ...listeners.map(({ fd }) => fd), ...(seat ? [seat.fd] : [])],
      serialization: "json",
      // A removed folder would make every spawn fail. Without it, the app gets an error only when it asks for its cwd.
      ...(existsSync(cwd) && { cwd }),
      env: { ...(isAppProcess && leftAlone), ...compileCache(), ...own.env, HEDDLE_WORKER_INDEX: `${boot.slot}` },
    });
    this.#child.on("message", received);
    this.#child.on("error", (cause) => {
      this.#startError ??=
        missingFiles() ?? new HeddleError("WORKER_DIED", `worker could not be started: ${cause.message}`, { cause });
      if (this.#child.pid === undefined) process.nextTick(() => this.#end(null, null));
    });
    this.#child.on("exit", (code, signal) => {
      if (!this.#child.connected) return this.#end(code, signal);
      // After one poll of the channel: on a very busy machine the time may be over before anything was read.
      const timer = setTimeout(() => setImmediate(() => this.#end(code, signal)), LAST_WORDS_MS);
      this.#child.once("disconnect", () => {
        clearTimeout(timer);
        this.#end(code, signal);
      });
    });
    this.send({
      type: "boot",
      ...boot,
      preloads,
      nodeOptions: env["NODE_OPTIONS"],
      listeners: listeners.map(({ kind }, i) => ({ kind, fd: CHANNEL_FD + 1 + i })),
      seat: seat && { fd: CHANNEL_FD + 1 + listeners.length, index: seat.index },
    });
  }

  /** 0: it was never started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Writing to a worker that has just died fails. Its end follows. */
  send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** A failed send shows when the worker is gone. Also if it has no channel any more. */
  sendWith(handle: SentHandle, message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, sendable(handle), () => {});
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    this.#ended({ code, signal, startError: this.#startError });
  }
}
