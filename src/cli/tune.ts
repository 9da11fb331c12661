/**
 * `heddle tune`: measures where the knee of an app is, and which shape fits it.
 *
 * options → scenario (tune-export.ts: as a k6 script), settings → src/tune/run/tune.ts → result.json, report.html → answer on stdout → --write → --compare
 *
 * What is going on goes to stderr, the answer to stdout. Ctrl-C ends the measurement: the answer is what was measured until then,
 * and the exit code 130. A second one ends everything at once.
 */

import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { HeddleError, messageOf } from "../errors/errors.ts";
import { checkComparable, type Comparison, compareResults, parseResult } from "../tune/compare.ts";
import { summary } from "../tune/report/summary.ts";
import { terminalChart } from "../tune/report/terminal/chart.ts";
import { lookOf } from "../tune/report/terminal/look.ts";
import { ProgressView } from "../tune/report/terminal/progress-view.ts";
import { readOptions, type TuneOptions } from "../tune/run/options.ts";
import type { TuneOutcome, TuneProgress, TuneRequest } from "../tune/run/request.ts";
import { tune as measure } from "../tune/run/tune.ts";
import { loadScenario, parsePath, type Scenario } from "../tune/scenario/scenario.ts";
import type { TuneResult } from "../tune/types.ts";
import { reserveStdout } from "./output.ts";
import { readSettings } from "./settings.ts";
import { exportScenario } from "./tune-export.ts";
import { checkOutput, writeOutput } from "./tune-output.ts";
import { type ConfigPlace, writeRecommendation } from "./tune-write.ts";
import { tuneUsage } from "./usage.ts";

/** The knee has moved, says `--compare`. */
const EXIT_MOVED = 3;
/** 128 + SIGINT, as a shell has it. */
const EXIT_INTERRUPTED = 130;

export async function tune(argv: readonly string[]): Promise<void> {
  const isExport = argv[0] === "export";
  const options = readOptions(isExport ? argv.slice(1) : argv, { isExport });
  if (options === undefined) {
    console.log(tuneUsage());
    return;
  }
  // Both are for programs to read.
  const print = isExport || options.json ? reserveStdout() : console.log;
  const scenario = await readScenarioOf(options);
  if (isExport) {
    print(exportScenario(options.serveArgs, scenario, options));
    return;
  }
  const outFolder = resolve(options.outFolder);
  checkOutput(outFolder);
  const before = options.compareFile === undefined ? undefined : readResult(options.compareFile, scenario);
  const subject = await subjectOf(options);
  const view = new ProgressView(process.stderr);
  const interrupt = onInterrupt();
  let outcome: TuneOutcome;
  try {
    outcome = await measure({
      ...options,
      subject: subject.subject,
      name: subject.name,
      scenario,
      signal: interrupt.signal,
      onProgress: (progress) => show(view, progress, options.sloP95Ms),
    });
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    view.end();
    console.error("heddle: interrupted before anything was measured");
    process.exitCode = EXIT_INTERRUPTED;
    return;
  } finally {
    view.end();
    interrupt.ignore();
  }
  const { result, failure } = outcome;
  const comparison = before === undefined ? undefined : compareResults(before, result);
  if (options.json) print(inJson(result, comparison));
  else tell(result);
  // What was measured is told before: it is not lost if it can't be written.
  const files = [...(comparison?.sentences ?? []), ...writeOutput(outFolder, result)];
  for (const line of files) (options.json ? console.error : console.log)(line);
  if (interrupt.signal.aborted) {
    process.exitCode = EXIT_INTERRUPTED;
    return;
  }
  if (failure !== undefined) throw failure;
  if (options.write) {
    await writeRecommendation(result, subject.config!, options.yes, options.json ? console.error : console.log);
  }
  if (comparison?.verdict === "moved") process.exitCode = EXIT_MOVED;
}

async function readScenarioOf({ scenarioFile, paths }: TuneOptions): Promise<Scenario> {
  if (scenarioFile !== undefined) return await loadScenario(scenarioFile);
  return { requests: (paths.length === 0 ? ["/"] : paths).map((path) => parsePath(path)), setup: [] };
}

interface NamedSubject extends Pick<TuneRequest, "subject" | "name"> {
  /** Of an app. */
  readonly config?: ConfigPlace;
}

async function subjectOf({ url, serveArgs }: TuneOptions): Promise<NamedSubject> {
  if (url !== undefined) return { subject: { url }, name: url };
  const startedIn = process.cwd();
  const settings = await readSettings(serveArgs);
  // `--help` is tune's own.
  const { app, model, workers, threads, cwd, configFile, routes } = settings!.config;
  return {
    subject: {
      app: { args: serveArgs, cwd: startedIn, ...(configFile === undefined ? {} : { configFile }) },
      configured: { model, workers, threads: threads.max },
      routes: Object.keys(routes),
    },
    name: relative(startedIn, app) || app,
    config: { cwd, ...(configFile === undefined ? {} : { configFile }) },
  };
}

function readResult(file: string, scenario: Scenario): TuneResult {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new HeddleError("TUNE_BAD_RESULT", `--compare: ${file} can't be read: ${messageOf(cause)}`, { cause });
  }
  const result = parseResult(text, file);
  checkComparable(result, scenario.requests, file);
  return result;
}

/** The terminal's Ctrl-C, a supervisor's wish, and a terminal that is gone. */
const INTERRUPTS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface Interrupt {
  readonly signal: AbortSignal;
  ignore(): void;
}

function onInterrupt(): Interrupt {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
    controller.abort();
  };
  for (const name of INTERRUPTS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    ignore: () => {
      for (const name of INTERRUPTS) process.off(name, onSignal);
    },
  };
}

function show(view: ProgressView, progress: TuneProgress, targetMs: number | undefined): void {
  const { stage, sample, levels, leftMs, done } = progress;
  view.show({
    stage,
    done,
    secondsLeft: leftMs / 1000,
    ...(sample === undefined
      ? {}
      : { level: sample.concurrency, throughput: sample.throughput, p95Ms: sample.latency.p95Ms }),
    ...(levels === undefined ? {} : { levels }),
    ...(targetMs === undefined ? {} : { targetMs }),
  });
}

function inJson(result: TuneResult, comparison: Comparison | undefined): string {
  return `${JSON.stringify(comparison === undefined ? result : { ...result, comparison }, null, 2)}\n`;
}

function tell(result: TuneResult): void {
  const look = lookOf(process.stdout, process.env);
  const target = result.slo === undefined ? {} : { targetMs: result.slo.targetMs };
  console.log(summary(result, look));
  const { columns, colour, unicode } = look;
  console.log(`\n${terminalChart(result.levels, result.knee, { columns, colour, unicode, ...target })}\n`);
}
