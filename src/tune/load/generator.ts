/**
 * The load generator as its caller sees it: a child process, on a core of its own where there are two.
 *
 *     const generator = await startGenerator();
 *     const sample = await generator.run({ target, scenario, loop: { concurrency: 16 }, warmUpSeconds: 1, seconds: 3 });
 *     await generator.close();
 *
 * Rejected: a thread of the caller's process. A garbage collection of the caller's, or a compilation, would delay it, and it can't be
 * pinned to a core by itself.
 */
import { type ChildProcess, fork } from "node:child_process";
import { availableCpus } from "../../config/cpus.ts";
import { fromWire, HeddleError } from "../../errors/errors.ts";
import { bad } from "../estimate/input.ts";
import { loadNative } from "../../platform/native.ts";
import { parsePath } from "../scenario/scenario.ts";
import type { GeneratorAudit, Sample } from "../types.ts";
import { checkPlan } from "./check-plan.ts";
import { allowedCpus, pin } from "./cpus.ts";
import type { FromGenerator, Plan, ToGenerator } from "./plan.ts";

export { allowedCpus, pin } from "./cpus.ts";
export type { Loop } from "./plan.ts";
export type { Target } from "./http/connection.ts";

export interface LoadPlan extends Plan {
  /** CPU seconds that the server has used so far: read in the caller's process at both ends of the measured window. */
  readonly serverCpuSeconds?: () => number;
}

export interface Generator {
  /** The core that it is pinned to; undefined: it shares its cores with everything else. */
  readonly cpu: number | undefined;
  /** The generator's process. */
  readonly pid: number;
  /** One run at a time. @throws HeddleError TUNE_INPUT, TUNE_SETUP_FAILED, TUNE_GENERATOR_FAILED */
  run(plan: LoadPlan, signal?: AbortSignal): Promise<Sample>;
  /** Measures what the generator itself can do, against a server that does nothing. Takes about two seconds. */
  audit(): Promise<GeneratorAudit>;
  close(): Promise<void>;
}

const AUDIT = { loop: { concurrency: 32 }, warmUpSeconds: 0.5, seconds: 1 } as const;

/** `cpu`: the core to pin it to; default: the last one that this process may use, if there are two. @throws HeddleError TUNE_INPUT */
export async function startGenerator(options: { readonly cpu?: number } = {}): Promise<Generator> {
  if (options.cpu !== undefined && !(Number.isInteger(options.cpu) && options.cpu >= 0)) {
    throw bad("cpu", options.cpu, "the number of a core, from 0");
  }
  await loadNative();
  const cpus = allowedCpus();
  const wanted = options.cpu ?? (availableCpus() > 1 && cpus.length > 1 ? cpus.at(-1) : undefined);
  const child = start("generator-main");
  const cpu = wanted !== undefined && child.pid !== undefined && pin(child.pid, [wanted]) ? wanted : undefined;
  await nextMessage(child, (message: FromGenerator) => (message.type === "ready" ? message : undefined));
  return new GeneratorHandle(child, cpu, cpus);
}

class GeneratorHandle implements Generator {
  readonly cpu: number | undefined;
  readonly #child: ChildProcess;
  readonly #cpus: readonly number[];
  #running = false;

  constructor(child: ChildProcess, cpu: number | undefined, cpus: readonly number[]) {
    this.#child = child;
    this.cpu = cpu;
    this.#cpus = cpus;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async run({ serverCpuSeconds, ...plan }: LoadPlan, signal?: AbortSignal): Promise<Sample> {
    if (this.#running) throw new HeddleError("TUNE_GENERATOR_FAILED", "The load generator does one run at a time.");
    signal?.throwIfAborted();
    checkPlan(plan);
    this.#running = true;
    const onAbort = (): void => this.#tell({ type: "stop" });
    signal?.addEventListener("abort", onAbort, { once: true });
    let cpuAtBegin: number | undefined;
    let cpuAtEnd: number | undefined;
    try {
      this.#tell({ type: "run", plan, maySpin: this.cpu !== undefined });
      const { measured } = await nextMessage(this.#child, (message: FromGenerator) => {
        if (message.type === "failed") throw signal?.aborted === true ? signal.reason : fromWire(message.error);
        if (message.type === "done") return message;
        if (message.type === "window" && message.edge === "begin") cpuAtBegin = serverCpuSeconds?.();
        if (message.type === "window" && message.edge === "end") cpuAtEnd = serverCpuSeconds?.();
        return undefined;
      });
      if (cpuAtBegin === undefined || cpuAtEnd === undefined) return measured;
      return { ...measured, serverCpuSeconds: Math.max(0, cpuAtEnd - cpuAtBegin) };
    } finally {
      this.#running = false;
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async audit(): Promise<GeneratorAudit> {
    const server = start("null-server-main");
    try {
      const others = this.#cpus.filter((cpu) => cpu !== this.cpu);
      if (this.cpu !== undefined && server.pid !== undefined) pin(server.pid, others);
      const { port } = await nextMessage(server, (message: { readonly port: number }) => message);
      const scenario = { requests: [parsePath("/")], setup: [] };
      const sample = await this.run({ target: { host: "127.0.0.1", port }, scenario, ...AUDIT });
      // The server may be what limits: then the generator could do more, in proportion to the time that it was not busy.
      const ceiling = sample.throughput / Math.max(0.05, sample.generatorUtilization);
      return { ceiling, coLocated: this.cpu === undefined };
    } finally {
      await end(server);
    }
  }

  async close(): Promise<void> {
    await end(this.#child);
  }

  #tell(message: ToGenerator): void {
    if (this.#child.connected) this.#child.send(message);
  }
}

/** The parent's flags, such as an inspector's port, are not the child's. */
function start(file: string): ChildProcess {
  return fork(new URL(import.meta.url.replace(/generator(\.[jt]s)$/, `${file}$1`)), [], {
    execArgv: ["--max-semi-space-size=32"],
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

/** The first result of `read` that isn't undefined. @throws what `read` throws, or TUNE_GENERATOR_FAILED if the process ends. */
function nextMessage<R>(child: ChildProcess, read: (message: never) => R | undefined): Promise<R> {
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  const onMessage = (message: unknown): void => {
    try {
      const result = read(message as never);
      if (result !== undefined) resolve(result);
    } catch (error) {
      reject(error);
    }
  };
  const onExit = (code: number | null, signal: string | null): void =>
    reject(new HeddleError("TUNE_GENERATOR_FAILED", `The load generator ended: ${signal ?? `exit code ${code}`}.`));
  const onError = (cause: Error): void =>
    reject(new HeddleError("TUNE_GENERATOR_FAILED", `The load generator did not start: ${cause.message}`, { cause }));
  child.on("message", onMessage).once("exit", onExit).once("error", onError);
  if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
  return promise.finally(() => {
    child.off("message", onMessage).off("exit", onExit).off("error", onError);
  });
}

const GRACE_MS = 2000;

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  await exited;
  clearTimeout(timer);
}
