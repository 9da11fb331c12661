/**
 * Plays many scripts to one server, some at once, and judges each. Every script has its own seed, made from the run's seed and
 * its number. So a failing script is shrunk alone: fast-check plays smaller ones to the same server until none of them fails.
 */

import { asyncProperty, check, sample } from "fast-check";
import { describeExpected, describeObserved, describeScript } from "./describe.ts";
import { play } from "./client.ts";
import type { Feature } from "./features.ts";
import { FuzzedServer, type FuzzedModel, models, type Sticky } from "./fuzzed-server.ts";
import { scripts } from "./generator.ts";
import { type IdOf, judge, type Observed } from "./judge.ts";
import { expect, type Shape, type Subject } from "./reference.ts";
import type { Script } from "./script.ts";

export interface RunOptions {
  readonly model: FuzzedModel;
  readonly shape: Shape;
  readonly connections: number;
  readonly seed: number;
  readonly features: ReadonlySet<Feature>;
  /** Of the server. With `ip` one copy of the app serves all, and half of the connections reach it over another one. */
  readonly sticky?: Sticky;
  /** Default: false. */
  readonly tls?: boolean;
  /** Reloads go on in every second slice of the run. */
  readonly reloads: boolean;
  readonly onProgress?: (progress: Progress) => void;
  readonly onFailure?: (told: string) => void;
}

export interface Progress {
  readonly connections: number;
  readonly responses: number;
  readonly reloads: number;
  readonly failures: number;
  /** Connections whose client ended its side late, because the machine is busy: they may lack answers. */
  readonly late: number;
}

export interface Report extends Progress {
  readonly byStatus: Readonly<Record<string, number>>;
  /** Each kind of failure once, with its smallest script; and what is wrong with the server. */
  readonly told: readonly string[];
}

interface Failure {
  readonly seed: number;
  readonly script: Script;
  readonly faults: readonly string[];
  readonly observed: Observed;
  readonly subject: Subject;
}

const SLICE = 500;
/** So many failures say enough. */
const ENOUGH = 100;
/** Kinds of failure that are shrunk. */
const KINDS = 6;
const SHRINK_MS = 40_000;
/** What depends on chance may fail in one of so many tries only. */
const TRIES = 8;

export async function run(options: RunOptions): Promise<Report> {
  await using server = await FuzzedServer.start(options);
  return await new Run(server, options).run();
}

/** The script of this seed, or one that it was shrunk to. */
export function scriptOf(features: ReadonlySet<Feature>, seed: number, path = ""): Script {
  return sample(scripts(features), { seed, path, numRuns: 1 })[0]!;
}

/** One script, as often as chance may need. */
export async function replay(options: Omit<RunOptions, "connections" | "reloads">, path: string): Promise<string[]> {
  await using server = await FuzzedServer.start(options);
  const run = new Run(server, { ...options, connections: 1, reloads: false });
  const script = scriptOf(options.features, options.seed, path);
  const failure = await run.trySome(script, options.seed);
  return failure === undefined ? [] : [describeFailure(failure), ...(await server.faults())];
}

class Run {
  readonly #server: FuzzedServer;
  readonly #options: RunOptions;
  readonly #failures: Failure[] = [];
  readonly #complaints: string[] = [];
  readonly #byStatus: Record<string, number> = {};
  #connections = 0;
  #responses = 0;
  #reloads = 0;
  #late = 0;

  constructor(server: FuzzedServer, options: RunOptions) {
    this.#server = server;
    this.#options = options;
  }

  async run(): Promise<Report> {
    const { connections, reloads, onProgress } = this.#options;
    let slices = 0;
    for (let from = 0; from < connections && this.#failures.length < ENOUGH; from += SLICE) {
      const to = Math.min(connections, from + SLICE);
      await this.#slice(from, to, reloads && slices++ % 2 === 1);
      onProgress?.(this.#progress());
    }
    await this.#server.quiet();
    this.#complaints.push(...(await this.#server.faults()));
    const shrunk = await this.#shrinkAll();
    return { ...this.#progress(), byStatus: this.#byStatus, told: [...shrunk, ...distinct(this.#complaints)] };
  }

  /** The first of some tries that fails. */
  async trySome(script: Script, seed: number): Promise<Failure | undefined> {
    const tries = Array.from({ length: TRIES }, () => this.#judged(script, seed, this.#subject(false)));
    const failures = await Promise.all(tries);
    return failures.find((failure) => failure !== undefined);
  }

  async #slice(from: number, to: number, reloads: boolean): Promise<void> {
    const { atOnce } = models[this.#options.model];
    const subject = this.#subject(reloads);
    let next = from;
    const player = async (): Promise<void> => {
      while (next < to && this.#failures.length < ENOUGH) {
        const seed = seedOf(this.#options.seed, next++);
        const failure = await this.#judged(scriptOf(this.#options.features, seed), seed, subject);
        if (failure === undefined) continue;
        this.#failures.push(failure);
        this.#options.onFailure?.(describeFailure(failure));
      }
    };
    const players = Promise.all(Array.from({ length: atOnce }, player));
    if (reloads) await this.#reloadDuring(players);
    await players;
    this.#complaints.push(...this.#server.complaints());
  }

  async #reloadDuring(players: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    void players.finally(() => over.abort());
    while (!over.signal.aborted) {
      this.#complaints.push(...(await this.#server.reload()));
      this.#reloads++;
    }
  }

  #subject(reloads: boolean): Subject {
    const { model, shape, features } = this.#options;
    const { keepsConnections } = models[model];
    return { shape, keepsConnections, reloads, dates: features.has("dates"), lingers: features.has("resets") };
  }

  async #judged(script: Script, seed: number, subject: Subject): Promise<Failure | undefined> {
    const connection = String(this.#connections++).padStart(8, "0");
    const idOf: IdOf = (index) => `${connection}-${index}`;
    const observed = await play(this.#server.target, script, idOf);
    for (const { status } of observed.responses) this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
    this.#responses += observed.responses.length;
    if (observed.endedLate) this.#late++;
    const faults = judge(script, subject, observed, idOf);
    if (observed.end === "silent") faults.push(`then the server was: ${await this.#server.standing()}`);
    return faults.length === 0 ? undefined : { seed, script, faults, observed, subject };
  }

  async #shrinkAll(): Promise<string[]> {
    const kinds = Map.groupBy(this.#failures, kindOf);
    const told: string[] = [];
    for (const [kind, failures] of kinds) {
      const many = `${failures.length} × ${kind}\n`;
      told.push(many + (told.length < KINDS ? await this.#shrink(failures[0]!) : describeFailure(failures[0]!)));
    }
    return told;
  }

  /** The smallest script that fails in the same way. */
  async #shrink(failure: Failure): Promise<string> {
    const { seed } = failure;
    const kind = kindOf(failure);
    let smallest: Failure | undefined;
    const property = asyncProperty(scripts(this.#options.features), async (script) => {
      const found = await this.trySome(script, seed);
      if (found === undefined || kindOf(found) !== kind) return true;
      smallest = found;
      return false;
    });
    const { counterexamplePath } = await check(property, { seed, numRuns: 1, interruptAfterTimeLimit: SHRINK_MS });
    if (smallest === undefined)
      return `${describeFailure(failure)}\n(not seen again in ${TRIES} tries alone; --replay ${seed})`;
    return `${describeFailure(smallest)}\n(--replay ${seed}:${counterexamplePath})`;
  }

  #progress(): Progress {
    const { length: failures } = this.#failures;
    return {
      connections: this.#connections,
      responses: this.#responses,
      reloads: this.#reloads,
      failures,
      late: this.#late,
    };
  }
}

/** A number of 32 bits for each number of a run (the finaliser of MurmurHash3). */
export function seedOf(seed: number, index: number): number {
  let bits = (seed ^ Math.imul(index + 1, 0x9e3779b1)) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) | 0;
}

/** Failures that differ only in numbers are of one kind. */
function kindOf({ faults }: Failure): string {
  return faults[0]!
    .replaceAll(/response \d+/g, "response")
    .replaceAll(/\b(?!\d{3}\b)\d[\w-]*/g, "N")
    .slice(0, 100);
}

function describeFailure({ script, faults, observed, subject }: Failure): string {
  const due = describeExpected(expect(script, subject));
  return [faults.join("\n"), describeScript(script), "due:", due, "came:", describeObserved(observed)].join("\n");
}

function distinct(lines: readonly string[]): string[] {
  const kinds = Map.groupBy(lines, (line) => line.replaceAll(/\d+/g, "N").slice(0, 300));
  return [...kinds.values()].map((alike) => `${alike.length} × ${alike[0]}`);
}
