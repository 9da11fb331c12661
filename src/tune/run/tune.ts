/**
 * The whole of `heddle tune`, without its terminal: what is to be measured in, a result out.
 *
 *     boot → a few requests of each route (refused?) → audit of the generator → profile of the routes → candidates
 *     → each shape: boot, warm up, sweep, estimate → open-loop confirmation of the best → recommendation
 *
 * Interrupted, or with a server that died, it answers with what was measured so far, if that is one level at least. All processes
 * that it started have ended when it returns.
 */

import { HeddleError, messageOf } from "../../errors/errors.ts";
import { type Generator, startGenerator } from "../load/generator.ts";
import { profileRoutes } from "../probe/profile-routes.ts";
import { candidates, type Fixed, oneOfEach } from "../recommend/candidates.ts";
import { choose } from "../recommend/choose.ts";
import { recommend } from "../recommend/recommend.ts";
import { routeKeyBeside } from "../recommend/route-key.ts";
import { formatShape, isSameShape } from "../shape.ts";
import { planBudget, type BudgetPlan, sweepTime } from "../sweep/budget.ts";
import { sweepNote } from "../sweep/note.ts";
import type { SweepResult } from "../sweep/sweep.ts";
import type { Level, RouteProfile, Sample, Shape, ShapeResult } from "../types.ts";
import { anchorOf } from "./anchor.ts";
import { othersNote, readCpu } from "./bystanders.ts";
import { machine } from "./machine.ts";
import { afterSetup, type Bench, confirm, measureShape, runLoad } from "./measure-shape.ts";
import type { TuneOutcome, TuneRequest } from "./request.ts";
import { restartsNote } from "./restarts.ts";
import { buildResult } from "./result.ts";
import { askRoutes, labelOf, onlyRoute } from "./routes.ts";
import { Servers } from "./servers.ts";
import { remoteSubject, type Subject } from "./subject.ts";

export type { TuneOutcome, TuneProgress, TuneRequest } from "./request.ts";

/** @throws HeddleError TUNE_REFUSED, TUNE_NOT_SERVED, TUNE_NO_TIME and others, if nothing was measured; the signal's reason */
export async function tune(request: TuneRequest): Promise<TuneOutcome> {
  const generator = await startGenerator();
  const run = new TuneRun(request, generator);
  try {
    return await run.run();
  } finally {
    await run.stop();
    await generator.close();
  }
}

/** The profile is taken on one event loop: only there is it known how long a route blocks it. */
const PROFILED: Shape = { model: "loop", workers: 1, threads: 1 };

/** Models whose handlers may block: each request holds a thread or process. */
const BLOCKING_MODELS: readonly string[] = ["threads", "thread-per-request", "sync"];

/** One of several shapes that takes longer to start than this share of its time is left out: the others need theirs. */
const BOOT_SHARE = 0.5;

/** The best shape is started again for its confirmation, if it is not the last that was measured. */
const CONFIRMING_BOOT_MS = 15_000;

/** In less time no shape shows anything. */
const LEAST_SWEEP_MS = 4000;

class TuneRun {
  readonly #request: TuneRequest;
  readonly #generator: Generator;
  readonly #servers: Servers | undefined;
  readonly #startedAt = new Date();
  readonly #beginMs = performance.now();
  readonly #notes: string[] = [];
  #shapes: ShapeResult[] = [];
  #profiles: readonly RouteProfile[] = [];
  #isCoLocated = false;
  /** Set if the app does not answer on an event loop: the models on which it may, the user's own first. */
  #blockingModels: readonly string[] | undefined;

  constructor(request: TuneRequest, generator: Generator) {
    this.#request = request;
    this.#generator = generator;
    const { subject, signal } = request;
    this.#servers = "app" in subject ? new Servers(subject.app, generator, signal) : undefined;
  }

  async run(): Promise<TuneOutcome> {
    const { subject, scenario, signal, name, sloP95Ms } = this.#request;
    const first = await this.#bootFirst();
    this.#tell("measuring the load generator itself");
    const audit = await this.#generator.audit();
    signal?.throwIfAborted();
    this.#profiles = await this.#profile(first);
    let failure: unknown;
    const cpuBefore = readCpu();
    try {
      await this.#measureAll();
    } catch (error) {
      if (this.#shapes.length === 0) throw error;
      failure = error;
      this.#notes.push(partialNote(error, signal));
    }
    // A server that is not this process's child counts as another program.
    const note = "app" in subject ? othersNote(cpuBefore, readCpu()) : undefined;
    if (note !== undefined) this.#notes.push(note);
    const [best, ...others] = this.#bestFirst();
    if (best === undefined) throw noTime(this.#request.budgetMs, this.#notes);
    const result = buildResult({
      target: name,
      scenario,
      shapes: [best, ...others],
      perRoute: this.#profiles,
      ...("url" in subject
        ? {}
        : {
            recommendation: recommend(this.#profiles, this.#shapes, machine().cores, this.#fixed(subject.configured)),
          }),
      audit: { ...audit, coLocated: this.#isCoLocated },
      machine: machine(),
      startedAt: this.#startedAt,
      seconds: (performance.now() - this.#beginMs) / 1000,
      notes: this.#notes,
      sloP95Ms,
    });
    return failure === undefined ? { result } : { result, failure };
  }

  async stop(): Promise<void> {
    await this.#servers?.stop();
  }

  /** The server that is profiled, whose routes answer as they should. @throws HeddleError TUNE_REFUSED */
  async #bootFirst(): Promise<Bench> {
    const { subject, name } = this.#request;
    const first = await this.#boot("app" in subject ? PROFILED : undefined);
    try {
      this.#notes.push(...(await askRoutes(first, name)));
      return first;
    } catch (error) {
      const isRefused = error instanceof HeddleError && error.code === "TUNE_REFUSED";
      if (!isRefused || "url" in subject || !BLOCKING_MODELS.includes(subject.configured.model)) throw error;
      // An app in blocking style may answer only where a request has its thread for itself.
      const own = await this.#boot({ ...PROFILED, model: subject.configured.model });
      this.#notes.push(...(await askRoutes(own, name)));
      this.#blockingModels = [own.subject.shape.model, ...BLOCKING_MODELS];
      this.#notes.push(
        "The routes answer with errors on an event loop, so only models that give a request a thread of its own are measured.",
      );
      return own;
    }
  }

  async #boot(shape: Shape | undefined, timeoutMs?: number): Promise<Bench> {
    const { scenario, signal, subject } = this.#request;
    if (shape !== undefined && this.#servers?.isRunning(shape) === false) {
      this.#tell(`starting the app as ${formatShape(shape)}`);
    }
    const server: Subject =
      "url" in subject ? remoteSubject(subject.url) : await this.#servers!.boot(shape ?? subject.configured, timeoutMs);
    return { generator: this.#generator, subject: server, scenario, ...(signal === undefined ? {} : { signal }) };
  }

  /** Of a server that runs elsewhere nothing is known but its answers. */
  async #profile(bench: Bench): Promise<readonly RouteProfile[]> {
    const { booted } = bench.subject;
    if (booted === undefined) return [];
    this.#tell("one request at a time");
    const ready = await afterSetup(bench);
    const { subject } = this.#request;
    const known = "app" in subject ? (subject.routes ?? []) : [];
    const profiles = await profileRoutes({
      server: booted,
      routes: bench.scenario.requests.map((request) => {
        const key = routeKeyBeside(known, request.method, request.path);
        const name = labelOf(request, bench.scenario);
        return { request, name, weight: request.weight, ...(key === undefined ? {} : { key }) };
      }),
      drive: (route, length) => runLoad(onlyRoute(ready, route.request), { concurrency: 1 }, length),
      budgetMs: this.#plan(1).profileMs,
      ...(bench.signal === undefined ? {} : { signal: bench.signal }),
    });
    if (this.#blockingModels === undefined) return profiles;
    // What such a request waits for, it waits for in a call that blocks: it would hold its event loop all the time.
    return profiles.map((profile) => ({ ...profile, loopMs: profile.cpuMs + profile.waitMs }));
  }

  async #measureAll(): Promise<void> {
    const { subject } = this.#request;
    if ("url" in subject) {
      const plan = this.#plan(1);
      const bench = await this.#boot(undefined);
      await this.#measure(bench, plan, sweepTime(this.#leftMs, 1, plan));
      return await this.#confirm(bench, plan);
    }
    const wanted = this.#candidates(subject.configured);
    const plan = this.#plan(wanted.length);
    const measured = wanted.slice(0, plan.shapes);
    const isAlone = measured.length === 1;
    let refused: HeddleError | undefined;
    for (const [place, shape] of measured.entries()) {
      const sweepMs = sweepTime(this.#leftMs, measured.length - place, plan);
      if (!isAlone && sweepMs < LEAST_SWEEP_MS) {
        this.#notes.push(`${formatShape(shape)} was not measured: no time was left. A longer --budget reaches it.`);
        continue;
      }
      try {
        const bench = await this.#boot(shape, isAlone ? undefined : plan.bootMs + sweepMs * BOOT_SHARE);
        await this.#measure(bench, plan, sweepTime(this.#leftMs + plan.bootMs, measured.length - place, plan));
      } catch (error) {
        // The app may not run under a model that was only tried.
        if (isAlone || !(error instanceof HeddleError) || error.code !== "TUNE_NOT_SERVED") throw error;
        refused = error;
        this.#notes.push(error.message);
      }
    }
    if (refused !== undefined && this.#shapes.length === 0) throw refused;
    const [best] = this.#bestFirst();
    if (best === undefined || !("value" in best.knee)) return;
    try {
      await this.#confirm(await this.#boot(best.shape, CONFIRMING_BOOT_MS), plan);
    } catch (error) {
      // The answer stands without it.
      if (!(error instanceof HeddleError) || error.code !== "TUNE_NOT_SERVED") throw error;
      this.#notes.push(`There is no open-loop confirmation. ${error.message}`);
    }
  }

  /** The shapes that are worth measuring, the most promising first. */
  #candidates(configured: Shape): readonly Shape[] {
    const { shapes, models, isFixed } = this.#request;
    const { cores } = machine();
    if (shapes.length > 0) return shapes;
    if (models.length > 0) return oneOfEach(models, this.#profiles, cores);
    return isFixed ? [configured] : candidates(this.#profiles, cores, this.#fixed(configured));
  }

  /** What the user has decided about the shape. */
  #fixed(configured: Shape): Fixed {
    const { shapes, models, isFixed } = this.#request;
    const [only = configured] = shapes;
    if (isFixed || shapes.length > 0) return only;
    const possible = models.length > 0 ? models : this.#blockingModels;
    return possible === undefined ? {} : { models: possible };
  }

  #bestFirst(): readonly ShapeResult[] {
    const best = choose(this.#shapes)?.chosen;
    return best === undefined ? this.#shapes : [best, ...this.#shapes.filter((each) => each !== best)];
  }

  async #measure(bench: Bench, plan: BudgetPlan, sweepMs: number): Promise<void> {
    const { sloP95Ms, signal } = this.#request;
    const { shape, cores, isCoLocated } = bench.subject;
    const anchor = anchorOf(this.#profiles, shape, cores ?? 1);
    const stage = shape.workers === 0 ? "measuring" : `measuring ${formatShape(shape)}`;
    this.#tell(stage);
    const rules = { windowMs: plan.windowMs, ...(sloP95Ms === undefined ? {} : { sloP95Ms }) };
    const { result, sweep } = await measureShape(
      bench,
      { warmUpMs: plan.warmUpMs, sweepMs, rules, anchor },
      (sample, levels) => this.#tell(stage, sample, levels),
    );
    // Half a sweep is an answer of its own, but not one that is compared with others.
    const isWhole = sweep.end !== "failed" && sweep.end !== "aborted";
    const isOnly = this.#shapes.length === 0 && (plan.shapes === 1 || sweep.end === "aborted");
    if (result.levels.length > 0 && (isWhole || isOnly)) {
      this.#shapes.push({ ...result, openLoop: [] });
      this.#isCoLocated ||= isCoLocated;
    }
    this.#note(shape, sweep);
    signal?.throwIfAborted();
    if (sweep.end === "failed") throw sweep.error;
    await this.#noteRestarts(bench.subject);
  }

  #note(shape: Shape, sweep: SweepResult): void {
    const note = sweepNote(sweep);
    if (note !== undefined) this.#notes.push(shape.workers === 0 ? note : `${formatShape(shape)}: ${note}`);
  }

  async #noteRestarts({ shape, booted }: Subject): Promise<void> {
    if (booted === undefined) return;
    try {
      const note = restartsNote(shape, await booted.restarts(), booted.lastError());
      if (note !== undefined) this.#notes.push(note);
    } catch (error) {
      // What was measured stands without it.
      if (!(error instanceof HeddleError) || error.code !== "TUNE_NOT_SERVED") throw error;
      this.#notes.push(`${formatShape(shape)}: ${error.message}`);
    }
  }

  async #confirm(bench: Bench, { confirmMs }: BudgetPlan): Promise<void> {
    const { shape } = bench.subject;
    const measured = this.#shapes.find((each) => isSameShape(each.shape, shape));
    if (measured === undefined || !("value" in measured.knee)) return;
    this.#tell("confirming at a constant rate");
    const openLoop = await confirm(bench, { knee: measured.knee.value, throughput: measured.throughputMax }, confirmMs);
    this.#shapes = this.#shapes.map((each) => (each === measured ? { ...each, openLoop } : each));
  }

  get #leftMs(): number {
    return this.#request.budgetMs - (performance.now() - this.#beginMs);
  }

  #plan(shapes: number): BudgetPlan {
    const { budgetMs, scenario, sloP95Ms, shapes: given, models } = this.#request;
    return planBudget({
      budgetMs,
      shapes,
      isGiven: given.length + models.length > 0,
      routes: scenario.requests.length,
      hasSlo: sloP95Ms !== undefined,
    });
  }

  #tell(stage: string, sample?: Sample, levels?: readonly Level[]): void {
    const { onProgress, budgetMs } = this.#request;
    const leftMs = Math.max(0, this.#leftMs);
    onProgress?.({
      stage,
      leftMs,
      done: 1 - leftMs / budgetMs,
      ...(sample === undefined ? {} : { sample }),
      ...(levels === undefined ? {} : { levels }),
    });
  }
}

function partialNote(error: unknown, signal: AbortSignal | undefined): string {
  return signal?.aborted === true
    ? "The measurement was interrupted. The result is what was measured until then."
    : `The result is what was measured until this happened: ${messageOf(error)}`;
}

function noTime(budgetMs: number, notes: readonly string[]): HeddleError {
  const seconds = Math.round(budgetMs / 1000);
  return new HeddleError(
    "TUNE_NO_TIME",
    [
      "nothing was measured within",
      `--budget ${seconds}s:`,
      "starting the app and asking its routes took all of it.",
      ...notes,
      "Give it a longer one.",
    ].join(" "),
  );
}
