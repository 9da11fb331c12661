/**
 * A handler thread, its own side: loads the app and runs the jobs that come over the links, one at a time.
 * server/models/offload/execute/job-runner.ts says what a job is and how it runs.
 *
 * An uncaught exception fails the job whose code threw it, and the thread reports itself tainted. It is replaced when its
 * current job is done. An app with its own `uncaughtException` listener handles such exceptions itself.
 */

import { flushCompileCache } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import { openAppSockets } from "../../app/listen/app-sockets.ts";
import { watchLoad } from "../../app/load/end-of-load.ts";
import { type LoadedApp, loadApp, ModuleTracker } from "../../app/load/load-app.ts";
import { applyServerSettings } from "../../app/server-settings.ts";
import { HeddleError, toWire } from "../../../errors/errors.ts";
import { setDoor } from "../../../runtime/door.ts";
import { setBlockingRules } from "../../../runtime/blocking.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { limitProcess, refuseForks } from "../../app/process-limits.ts";
import { isUncaughtAbort, UNCAUGHT_ABORT } from "../../app/abort-reasons.ts";
import { isHandledByApp } from "../../app/uncaught-exceptions.ts";
import { endApp, endsByError } from "../../app/process-end.ts";
import { takeBoot } from "../../../supervise/own-port.ts";
import {
  installJobFraming,
  installJobScopes,
  installJobSignal,
  rehearse,
  shapeMessages,
} from "../../models/offload/execute/job-request.ts";
import { Board } from "../../models/offload/shared/pool-board.ts";
import { JobRunner, type JobRunnerOptions } from "../../models/offload/execute/job-runner.ts";
import type { TaskRunner } from "../../models/offload/execute/task-runner.ts";
import { currentJob, heedAbort } from "../../models/offload/execute/running-job.ts";
import { printed } from "../flush-output.ts";
import { answerUnits, watchUnits } from "../report/units-here.ts";
import { ActorTrees } from "../serving/actor-trees.ts";
import type { FromHandlerThread, HandlerBoot, ToHandlerThread } from "./handler-protocol.ts";

const { config, address, pool, seat, board, port } = takeBoot() as HandlerBoot;
limitProcess();
setDoor((knock) => port.postMessage({ type: "join-runtime", knock } satisfies FromHandlerThread, [knock.port]));
const modules = ModuleTracker.start(refuseForks);
const sockets = openAppSockets(tell);
const trees = new ActorTrees(tell);
const onlyOne = pool.model === "thread-per-request";
/** Under `tasks`: a handler has said that it blocks. */
let isHeld: () => boolean = () => false;

try {
  await main();
} catch (error) {
  failBoot(error);
}

function failBoot(error: unknown): void {
  tell({ type: "boot-failed", error: toWire(error), modules: modules.filesOfFailure() });
}

async function main(): Promise<void> {
  installJobSignal();
  installJobFraming();
  installJobScopes(currentJob);
  const shared = new Board(board);
  setBlockingRules({
    wake: shared.wakeOf(seat),
    cancelled: heedAbort,
    ...(pool.model === "tasks" ? { may: mayBlock } : {}),
  });
  port.on("message", (message: ToHandlerThread) => message.type === "app-socket" && sockets.answered(message));
  const loaded = watchLoad(config.app, failBoot);
  const app = await loadApp(config.app, {
    address: { address: address.host, port: address.port, family: address.host.includes(":") ? "IPv6" : "IPv4" },
    paths: config.listen.flatMap((each) => (each.kind === "unix" ? [each.path] : [])),
    signal: AbortSignal.timeout(config.bootTimeoutMs),
    modules,
    isTls: config.tlsCert !== undefined,
    args: config.appArgs,
    notice: warn,
    sockets,
  });
  await trees.guard();
  await app.start();
  await sockets.settled();
  await loaded();
  const { keepAliveMs } = applyServerSettings(config, app.server()).config;
  const runner = await runnerOf({ app, seat, board: shared, keepAliveMs, onlyOne, onDone, warn });
  process.on("uncaughtException", function own(error: unknown, origin: NodeJS.UncaughtExceptionOrigin) {
    if (isHandledByApp(own)) return;
    if (isUncaughtAbort(error, origin)) return warn(UNCAUGHT_ABORT);
    if (endsByError((message) => tell({ type: "log", level: "error", fields: { err: toWire(error) }, message })))
      return;
    runner.uncaught(error);
    tell({ type: "tainted", error: toWire(error) });
  });
  watchUnits(tell);
  port.on("message", (message: ToHandlerThread) => {
    if (message.type === "units") void answerUnits(message, tell);
    else if (message.type === "link") {
      ports.push(message.link.port);
      runner.attach(message.link);
    } else if (message.type === "join-runtime") {
      void joinRuntime();
    } else if (message.type === "drain") {
      sockets.retire();
      onDrain ??= run("onDrain", () => app.drain(message.reason));
      cutMs = Math.min(cutMs, message.cutMs);
    } else if (message.type === "stop") {
      sockets.retire();
      stopping ??= stop(app);
    }
  });
  // Other threads warm up with their first requests. This one has only one request.
  if (onlyOne) rehearse(keepAliveMs);
  shapeMessages(app.server);
  await trees.watch((error) => tell({ type: "tainted", error: toWire(error) }));
  flushCompileCache();
  tell({ type: "ready", modules: modules.files() });
}

/** Units of other threads may be placed here from now on. */
async function joinRuntime(): Promise<void> {
  const { runtime } = await import("../../../runtime/runtime.ts");
  runtime();
}

function warn(message: string): void {
  tell({ type: "log", level: "warn", fields: {}, message, once: message });
}

/** Under `tasks` others run on the thread, unless the handler has said that it blocks. */
function mayBlock(what: string): void {
  if (isHeld()) return;
  throw new HeddleError("AWAIT_SYNC_REFUSED", `${what} would hold up every other request on this thread.`, {
    hint: 'Await the task instead (`await task(…)`), or say `await reclassify("threads")` first.',
  });
}

async function runnerOf(options: JobRunnerOptions): Promise<JobRunner | TaskRunner> {
  if (pool.model !== "tasks") return new JobRunner(options);
  const [{ TaskRunner }, { watchCuts }] = await Promise.all([
    import("../../models/offload/execute/task-runner.ts"),
    import("../serving/failures.ts"),
  ]);
  watchCuts(tell);
  const runner = new TaskRunner(options);
  isHeld = () => runner.isHeld;
  return runner;
}

/** Time for what the handler does right after its response. A handler that runs longer is cut. */
const LAST_WORDS_MS = 5;

function onDone(): boolean {
  if (!onlyOne) return true;
  tell({ type: "used" });
  setTimeout(() => void printed().then(() => process.exit(0)), LAST_WORDS_MS);
  return false;
}

/** Open ports keep the thread alive. */
const ports: MessagePort[] = [port];

let onDrain: Promise<void> | undefined;
/** The worker may drain when the thread leaves already: it is told once more then. */
let stopping: Promise<void> | undefined;
/** From then on, `onDrain` no longer delays `onStop`. */
let cutMs = Infinity;

async function stop(app: LoadedApp): Promise<void> {
  if (onDrain !== undefined)
    await Promise.race([onDrain, sleep(Math.max(0, cutMs - monotonicMs()), undefined, { ref: false })]);
  await run("onStop", app.stop);
  await trees.stop();
  await printed();
  endApp(0, () => {
    for (const each of ports) each.unref();
  });
}

async function run(name: string, hook: () => Promise<void>): Promise<void> {
  try {
    await hook();
  } catch (error) {
    tell({ type: "log", level: "error", fields: { err: toWire(error) }, message: `the app's ${name} failed` });
  }
}

function tell(message: FromHandlerThread): void {
  port.postMessage(message);
}
