/**
 * Many thousands of WebSocket clients, for benchmarks: they are simulated by a program of its own, `program/`, in one thread
 * and with little CPU. Several such processes are one crowd, for more clients than one process may open files; each connects
 * from an address of its own, as one has some 28,000 ports.
 *
 * All text messages that begin with "all " go to everybody in the room, as they are; the server sends any other one back.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openFilesLimit } from "../harness/machine.ts";
import { cpuSeconds } from "../harness/proc.ts";
import { type StartedProcess, start } from "../harness/processes.ts";
import { buildGo } from "../peers/go-build.ts";
import { type Availability, PEERS_FOLDER } from "../peers/peer.ts";

const binary = join(PEERS_FOLDER, "go/web-sockets");
const SOURCES = ["main", "crowd", "client", "jobs", "tally"];
/** Libraries, pipes and listeners beside the connections. */
const OTHER_FILES = 200;
/** Handshakes that each process has under way. */
const AT_ONCE = 64;
const READY_MS = 10_000;
const BETWEEN_REPORTS_MS = 200;
/** How much later than its own deadline a command may be answered. */
const GRACE_MS = 15_000;

export interface ConnectReport {
  readonly opened: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** From the first connection to the last handshake. */
  readonly seconds: number;
}

export interface Latencies {
  readonly received: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface EchoReport extends Latencies {
  /** Clients that got no answer. */
  readonly lost: number;
}

export interface PublishReport extends Latencies {
  /** Messages to the room. */
  readonly sent: number;
  /** Clients of the publishing process at the end. */
  readonly clients: number;
  /** Messages received in the measured time, by the clients of the publishing process, each second. */
  readonly perSecond: number;
}

export interface AliveReport {
  readonly open: number;
  /** How the others ended: a close code, "cut", or an error. */
  readonly ended: Readonly<Record<string, number>>;
}

/** Builds the program. Called once per run. */
export function installWebSocketClients(): Promise<Availability> {
  return buildGo(
    SOURCES.map((name) => new URL(`./program/${name}.go`, import.meta.url)),
    binary,
  );
}

export class WebSocketClients {
  readonly #processes: readonly StartedProcess[];
  #lastId = 0;

  private constructor(processes: readonly StartedProcess[]) {
    this.#processes = processes;
  }

  /** `url`: of the server, as `http://127.0.0.1:8000`. */
  static async start(url: string, path: string, processes = 1): Promise<WebSocketClients> {
    const started = Array.from({ length: processes }, (_, index) =>
      start(binary, [new URL(url).host, path, `127.0.1.${index + 1}`], { stdin: "pipe", env: { GOMAXPROCS: "1" } }),
    );
    const clients = new WebSocketClients(started);
    try {
      await Promise.all(started.map((each) => each.waitForOutput(/^ready$/m, READY_MS)));
      return clients;
    } catch (error) {
      await clients.stop();
      throw error;
    }
  }

  /** Opens as many connections in all. A failure is counted, not thrown. */
  async connect(count: number, timeoutMs = 120_000): Promise<ConnectReport> {
    const most = Math.ceil(count / this.#processes.length);
    if (openFilesLimit() < most + OTHER_FILES) {
      throw new Error(
        `a process may open ${openFilesLimit()} files here, ${most + OTHER_FILES} are needed: raise \`ulimit -n\``,
      );
    }
    const shares = this.#processes.map(
      (_, index) =>
        Math.floor((count * (index + 1)) / this.#processes.length) -
        Math.floor((count * index) / this.#processes.length),
    );
    const reports = await this.#each<ConnectReport>(
      "connect",
      (index) => ({ clients: shares[index] ?? 0, atOnce: AT_ONCE, timeoutMs }),
      timeoutMs,
    );
    return {
      opened: sum(reports, "opened"),
      failed: sum(reports, "failed"),
      failures: added(reports.map(({ failures }) => failures)),
      seconds: Math.max(...reports.map(({ seconds }) => seconds)),
    };
  }

  /** Each client sends one message and gets it back. The sends are spread evenly over the time. */
  async echo(seconds: number, timeoutMs = 20_000): Promise<EchoReport> {
    const reports = await this.#each<EchoReport>("echo", () => ({ seconds, timeoutMs }), seconds * 1000 + timeoutMs);
    return { ...worst(reports), lost: sum(reports, "lost") };
  }

  /**
   * The first client of the first process sends to the room: so many messages a second, whether or not the last has come to all
   * (latencies count from when each was due); or so that `window` of them are always under way.
   */
  async publish(
    how: { readonly perSecond: number } | { readonly window: number },
    seconds: number,
    timeoutMs = 20_000,
  ): Promise<PublishReport> {
    const others = this.#processes.slice(1);
    await Promise.all(others.map((each) => this.#ask(each, "reset", {}, 0)));
    const first = this.#processes[0]!;
    const own = await this.#ask<PublishReport>(
      first,
      "publish",
      { ...how, seconds, timeoutMs },
      seconds * 1000 + timeoutMs,
    );
    const rest = await Promise.all(others.map((each) => this.#received(each, own.sent, timeoutMs)));
    return { ...own, ...worst([own, ...rest]) };
  }

  /** What a process has got of the messages to the room, once it has them all or the time is over. */
  async #received(process: StartedProcess, sent: number, timeoutMs: number): Promise<Latencies> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const report = await this.#ask<Latencies & { readonly clients: number }>(process, "report", {}, 0);
      if (report.received >= sent * report.clients || performance.now() > deadline) return report;
      await sleep(BETWEEN_REPORTS_MS);
    }
  }

  async alive(): Promise<AliveReport> {
    const reports = await this.#each<AliveReport>("alive", () => ({}), 0);
    return { open: sum(reports, "open"), ended: added(reports.map(({ ended }) => ended)) };
  }

  /** CPU seconds that the programs have used so far. */
  cpuSeconds(): number {
    return this.#processes.reduce((total, each) => total + cpuSeconds(each.pid), 0);
  }

  /** Resets all connections and ends the programs. */
  async stop(): Promise<void> {
    // One that has ended already can't answer; stop() says nothing of it either.
    await Promise.allSettled(this.#processes.map((each) => this.#ask(each, "quit", {}, 0)));
    await Promise.all(this.#processes.map((each) => each.stop(1000)));
  }

  #each<T>(verb: string, options: (index: number) => object, forMs: number): Promise<T[]> {
    return Promise.all(this.#processes.map((each, index) => this.#ask<T>(each, verb, options(index), forMs)));
  }

  async #ask<T>(process: StartedProcess, verb: string, options: object, forMs: number): Promise<T> {
    const id = ++this.#lastId;
    process.writeLine(`${id} ${verb} ${JSON.stringify(options)}`);
    const answer = new RegExp(`^(reply|error) ${id} (.*)$`, "m");
    const [, kind, text = ""] = await process.waitForOutput(answer, forMs + GRACE_MS);
    if (kind === "error") throw new Error(`the WebSocket clients could not ${verb}: ${text}`);
    return JSON.parse(text) as T;
  }
}

/** Of several processes: the percentiles of the one that has the highest. */
function worst(reports: readonly Latencies[]): Latencies {
  return {
    received: sum(reports, "received"),
    p50Ms: Math.max(...reports.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...reports.map(({ p99Ms }) => p99Ms)),
    maxMs: Math.max(...reports.map(({ maxMs }) => maxMs)),
  };
}

function sum<K extends string>(reports: readonly Readonly<Record<K, number>>[], key: K): number {
  return reports.reduce((total, report) => total + report[key], 0);
}

function added(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((each) => Object.entries(each))) total[name] = (total[name] ?? 0) + count;
  return total;
}
