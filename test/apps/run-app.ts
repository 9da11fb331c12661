/**
 * One application through all checks, in each shape. The bare application is the measure: what it answers, what its hooks write when it
 * ends, and what monitoring sees of its requests.
 */

import type { Answer } from "./client.ts";
import { cleanupFault, differences } from "./compare.ts";
import { install } from "./install.ts";
import { Load } from "./load.ts";
import { type AppRecord, type Check, type HeddleShape, notApplicable } from "./record.ts";
import { type Running, shapeOptions, start } from "./shapes.ts";

export interface Failure {
  readonly shape: HeddleShape;
  readonly check: Check;
  /** The name of the request that failed, if it is about one. */
  readonly request?: string;
  readonly detail: string;
}

export interface Outcome {
  /** Why there is nothing to compare with. */
  readonly broken?: string;
  readonly failures: readonly Failure[];
}

interface Reference {
  readonly answers: ReadonlyMap<string, Answer>;
  readonly cleanup: readonly string[];
  readonly code: number | null;
  readonly monitored: readonly string[];
}

/** Requests that have to end before a reload begins, and after it has ended. */
const BESIDE_A_RELOAD = 40;

export async function runApp(
  app: AppRecord,
  shapes: readonly HeddleShape[],
  say: (line: string) => void,
): Promise<Outcome> {
  let folder: string;
  let reference: Reference;
  try {
    folder = await install(app);
    reference = await bare(app, folder);
  } catch (error) {
    return { broken: messageOf(error), failures: [] };
  }
  const failures: Failure[] = [];
  for (const shape of shapes) {
    const judge = new Judge(shape, failures);
    await serve(app, folder, judge, reference, say);
    if (applies(app, "monitoring")) await monitor(app, folder, judge, reference, say);
  }
  return { failures };
}

function applies(app: AppRecord, check: Check): boolean {
  return notApplicable(app, check) === undefined;
}

class Judge {
  readonly shape: HeddleShape;
  readonly #failures: Failure[];

  constructor(shape: HeddleShape, failures: Failure[]) {
    this.shape = shape;
    this.#failures = failures;
  }

  fail(check: Check, detail: string, request?: string): void {
    this.#failures.push({ shape: this.shape, check, detail, ...(request === undefined ? {} : { request }) });
  }

  async attempt(check: Check, what: () => Promise<string | undefined>): Promise<boolean> {
    const fault = await what().catch(messageOf);
    if (fault !== undefined) this.fail(check, fault);
    return fault === undefined;
  }
}

async function bare(app: AppRecord, folder: string): Promise<Reference> {
  const answers = new Map<string, Answer>();
  await using running = await start(app, folder, "bare", applies(app, "monitoring"));
  for (const [index, request] of app.requests.entries()) {
    if (answers.has(request.name)) throw new Error(`two requests are named ${request.name}`);
    try {
      answers.set(request.name, await request.run({ port: running.port, headers: numbered(index) }));
    } catch (error) {
      throw new Error(`bare: ${request.name}: ${messageOf(error)}\n${running.output()}`, { cause: error });
    }
  }
  const monitored = await running.monitored();
  const { code, cleanup } = applies(app, "stop") ? await running.stop() : { code: null, cleanup: [] };
  if (applies(app, "stop") && cleanup.length === 0) throw new Error(`bare: no hook has run\n${running.output()}`);
  return { answers, cleanup, code, monitored: monitored.toSorted() };
}

async function serve(
  app: AppRecord,
  folder: string,
  judge: Judge,
  reference: Reference,
  say: (line: string) => void,
): Promise<void> {
  const running = await started(app, folder, judge, false);
  if (running === undefined) return;
  await using server = running;
  for (const request of app.requests) {
    try {
      const answer = await request.run({ port: server.port });
      const fault = differences(reference.answers.get(request.name)!, answer);
      if (fault.length > 0) judge.fail("answers", fault.join("; "), request.name);
    } catch (error) {
      judge.fail("answers", messageOf(error), request.name);
    }
  }
  let generations = 1;
  if (applies(app, "reload") && (await judge.attempt("reload", () => reloadUnderLoad(app, server, reference)))) {
    generations = 2;
  }
  if (applies(app, "stop")) {
    await judge.attempt("stop", async () => {
      const { code, cleanup } = await server.stop();
      if (code !== 0) return `the exit code is ${code}`;
      return cleanupFault(reference.cleanup, cleanup, generations * shapeOptions[judge.shape].copies);
    });
  }
  say(server.output());
}

async function reloadUnderLoad(app: AppRecord, server: Running, reference: Reference): Promise<string | undefined> {
  const name = app.load ?? app.requests[0]!.name;
  const request = app.requests.find((each) => each.name === name);
  if (request === undefined) throw new Error(`no request is named ${name}`);
  const load = new Load(server.port, request, reference.answers.get(name)!);
  const reloaded = (async () => {
    await load.more(BESIDE_A_RELOAD);
    await server.reload();
    await load.more(BESIDE_A_RELOAD);
  })();
  const [reload] = await Promise.allSettled([reloaded]);
  const fault = await load.end();
  return reload.status === "rejected" ? messageOf(reload.reason) : fault;
}

/** In a run of its own: what is preloaded here is not what the other checks are about. */
async function monitor(
  app: AppRecord,
  folder: string,
  judge: Judge,
  reference: Reference,
  say: (line: string) => void,
): Promise<void> {
  const running = await started(app, folder, judge, true);
  if (running === undefined) return;
  await using server = running;
  for (const [index, request] of app.requests.entries()) {
    // What it answers is the other run's concern.
    await request.run({ port: server.port, headers: numbered(index) }).catch(() => undefined);
  }
  const monitored = (await server.monitored()).toSorted();
  for (const [index, { name }] of app.requests.entries()) {
    const own = (lines: readonly string[]): string =>
      lines.flatMap((line) => (line.startsWith(`${index} `) ? [line.slice(`${index} `.length)] : [])).join(", ");
    const [seen, due] = [own(monitored), own(reference.monitored)];
    if (seen !== due) judge.fail("monitoring", `seen by: ${seen || "nothing"}; bare: ${due || "nothing"}`, name);
  }
  say(server.output());
}

async function started(
  app: AppRecord,
  folder: string,
  judge: Judge,
  isMonitored: boolean,
): Promise<Running | undefined> {
  try {
    return await start(app, folder, judge.shape, isMonitored);
  } catch (error) {
    judge.fail(isMonitored ? "monitoring" : "starts", messageOf(error));
    return undefined;
  }
}

function numbered(index: number): Readonly<Record<string, string>> {
  return { "x-matrix-request": String(index) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
