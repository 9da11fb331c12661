/**
 * A serving thread, its own side: loads the app, builds the pipeline, serves the connections it accepts or gets.
 *
 * Lifecycle: booting → serving → draining → ended. Each step is one function below, the last ones are in `drain.ts`. The
 * acceptor's side is `serving-thread-handle.ts`.
 *
 * An uncaught exception does not end the thread's other requests. The request that caused it gets a 500, and the thread
 * reports itself tainted. The acceptor replaces it and lets it finish. An app with its own `uncaughtException` listener
 * handles such exceptions itself.
 */

import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { isMainThread } from "node:worker_threads";
import { endApp } from "../../app/process-end.ts";
import { openAppSockets } from "../../app/listen/app-sockets.ts";
import { limitProcess, refuseForks } from "../../app/process-limits.ts";
import { numberThread } from "../../app/instance.ts";
import { watchLoad } from "../../app/load/end-of-load.ts";
import { type LoadedApp, ModuleTracker, loadApp } from "../../app/load/load-app.ts";
import { warningsAbout } from "../../app/load/kept-in-memory.ts";
import { applyServerSettings } from "../../app/server-settings.ts";
import type { ServerConfig } from "../../../config/config.ts";
import { mergeRoutes } from "../../../config/routes/route-forms.ts";
import { toWire } from "../../../errors/errors.ts";
import { setDoor } from "../../../runtime/door.ts";
import { bucketOf } from "../../../kit/latency-histogram.ts";
import { COUNTER, LATE_MS, LoadRow } from "../../../supervise/load-board.ts";
import { takeAnyBoot } from "../../../supervise/own-port.ts";
import { loadModels } from "../../models/registry.ts";
import { Connections } from "../../http/parse/connection.ts";
import { setRequestIdPrefix } from "../../http/exchange.ts";
import type { GateHandle } from "../../http/admit/gate.ts";
import { FramingFaults, installExchangeFraming } from "../../http/respond/framing-faults.ts";
import { Pipeline } from "../../http/pipeline.ts";
import { installExchangeScopes } from "../../http/exchange-scopes.ts";
import { installRequestSignal } from "../../http/request-signal.ts";
import type { Sticky } from "../../http/sticky/sticky.ts";
import { createRouter, type Router } from "../../http/route/router.ts";
import { SocketEntry } from "../../http/socket-entry.ts";
import { loadNative, markBegun } from "../../../platform/native.ts";
import { poolOf, servingThreads } from "../../models/offload/dispatch/pools.ts";
import { isSticky, lacksAddresses, stickyOf, takeFromOthers, WITHOUT_ADDRESS } from "./sticky-clients.ts";
import { setServingRules } from "./blocking-rules.ts";
import { HandlerLinks } from "../handlers/handler-links.ts";
import { openDebuggerPort } from "../debugger-port.ts";
import { ActorTrees } from "./actor-trees.ts";
import { Drain } from "./drain.ts";
import { loadSocketRoutes, websocketOf } from "./socket-kinds.ts";
import { view, viewAll } from "./exchange-views.ts";
import { tellHandlerFailed, watchCuts, watchUncaught } from "./failures.ts";
import { copiesOf, describeLoaded, ownProtocol, refuseModels, routesOf, upgradesOf } from "./loaded-app.ts";
import { PrefetchConsumer } from "../accept/prefetch-consumer.ts";
import { installProbe } from "../report/probe.ts";
import { answerUnits, watchUnits } from "../report/units-here.ts";
import { Heartbeat } from "../../../supervise/heartbeat.ts";
import { ThreadListener } from "../accept/thread-listener.ts";
import { openRow } from "../accept/worker-board.ts";
import type { FromThread, ThreadBoot, ToThread } from "./serving-protocol.ts";

/**
 * How often the loop updates its heartbeat. It is a quarter of the shortest block worth reporting, so a block is measured to
 * 25 %. 40 to 80 wake-ups a second cost an idle thread 0.1 % of a core.
 */
const MAX_BEAT_MS = 25;
/** See heartbeat.ts: how late beats come shows the longest block also of a loop that does the same again and again. */
const BEAT_SPREAD = 0.5;
/** The age at which a heartbeat is stale, if no blocked threshold is set. */
const DEFAULT_STALE_MS = 1000;

const boot = (await takeAnyBoot()) as ThreadBoot;
const { config, port } = boot;
const beatMs = Math.max(1, Math.min(MAX_BEAT_MS, config.blockedThresholdMs / 4 || MAX_BEAT_MS));
const { row, neighbours } = await openRow(boot.row);
limitProcess();
setDoor((knock) => port.postMessage({ type: "join-runtime", knock } satisfies FromThread, [knock.port]));
const modules = ModuleTracker.start(refuseForks);
const sockets = openAppSockets(tell);

try {
  await main();
} catch (error) {
  failBoot(error);
}

async function main(): Promise<void> {
  setRequestIdPrefix(`${process.pid.toString(36)}${boot.index.toString(36)}${Date.now().toString(36)}-`);
  await openDebuggerPort(config, Number(process.env["HEDDLE_WORKER_INDEX"] ?? 0));
  const lacking = boot.index === 0 ? await examineOurNode() : [];
  installRequestSignal();
  installExchangeScopes((message, fields = {}) => tell({ type: "log", level: "warn", fields, message, once: message }));
  const loaded = watchLoad(config.app, failBoot);
  numberThread(boot.index, servingThreads(config));
  port.on("message", (message: ToThread) => message.type === "app-socket" && sockets.answered(message));
  const app = await loadApp(config.app, {
    address: {
      address: boot.address.host,
      port: boot.address.port,
      family: boot.address.host.includes(":") ? "IPv6" : "IPv4",
    },
    paths: config.listen.flatMap((each) => (each.kind === "unix" ? [each.path] : [])),
    signal: AbortSignal.timeout(config.bootTimeoutMs),
    modules,
    isTls: config.tlsCert !== undefined,
    asMain: isMainThread,
    args: config.appArgs,
    notice: warn,
    sockets,
  });
  await sockets.settled();
  const handlers = new HandlerLinks(port, tell);
  // The operator's configuration overrides the app's own.
  const routes = await loadSocketRoutes(mergeRoutes(await routesOf(app, config), config.routes, config));
  const websocket = websocketOf(app, warn);
  const router = createRouter(config, routes, (...route) => poolOf(config, ...route), websocket);
  refuseModels(app, [router.fallback, ...router.routes], config);
  for (const message of warningsAbout(modules.packages, copiesOf(config), isSticky(router))) warn(message);
  if (lacksAddresses(router, config)) warn(WITHOUT_ADDRESS);
  const gates = await exchangeGates(await describeLoaded(router, app, lacking, config));
  if (boot.purpose === "check") return;
  const models = await loadModels([router.fallback, ...router.routes]);
  const thread = boot.index;
  let pipeline: Pipeline | undefined;
  watchUnits(tell);
  const trees = new ActorTrees(tell);
  await trees.guard();
  await app.start();
  await sockets.settled();
  await loaded();
  watchUncaught(() => pipeline, tell);
  watchCuts(tell);
  const heeded = applyServerSettings(config, app.server());
  const { misframed } = new FramingFaults((log) => tell({ type: "log", level: "warn", ...log }));
  installExchangeFraming(misframed);
  const sticky = stickyOf(router, boot, row);
  const log = (level: "error" | "warn", fields: object, message: string): void =>
    tell({ type: "log", level, fields, message });
  const socketEntry = await SocketEntry.open({ config: heeded.config, router, row, log });
  const parts = {
    app,
    router,
    models,
    row,
    gates,
    handlers,
    thread,
    sticky,
    sockets: socketEntry,
    onHandlerFailed: tellHandlerFailed(tell),
    misframed,
  };
  pipeline = new Pipeline({ ...parts, config: heeded.config });
  // For passing connections on, and for closing them.
  await loadNative();
  setServingRules(config, pipeline, row, beatMs);
  await serve(pipeline, { app, router, sticky, trees, sockets: socketEntry, limits: heeded.config });
  await trees.watch((error) => tell({ type: "tainted", error: toWire(error) }));
  // For the threads that boot after this one. It does nothing without a compile cache.
  flushCompileCache();
  tell({
    type: "ready",
    modules: modules.files(),
    instance: sticky?.name,
    told: { upgrades: upgradesOf(app, router), server: heeded.settings, protocol: ownProtocol(app, config) },
  });
}

function failBoot(error: unknown): void {
  tell({ type: "boot-failed", error: toWire(error), modules: modules.filesOfFailure() });
}

function warn(message: string): void {
  tell({ type: "log", level: "warn", fields: {}, message, once: message });
}

/** Once for each worker, before the app has changed anything. @throws HeddleError NODE_INTERNALS_MISSING */
async function examineOurNode(): Promise<readonly string[]> {
  const { examineNode } = await import("../../../platform/node-internals/probe/probe.ts");
  return await examineNode();
}

/** Tells the acceptor of the app. It answers with the gates for its routes, in shared memory. */
function exchangeGates(told: FromThread): Promise<Readonly<Record<string, GateHandle>>> {
  return new Promise((resolve) => {
    port.on("message", function receive(message: ToThread) {
      if (message.type !== "gates") return;
      port.off("message", receive);
      resolve(message.gates);
    });
    tell(told);
  });
}

interface Served {
  readonly app: LoadedApp;
  readonly router: Router;
  readonly sticky: Sticky | undefined;
  readonly trees: ActorTrees;
  readonly sockets: SocketEntry | undefined;
  /** The configuration, completed by the settings of the app's own server. */
  readonly limits: ServerConfig;
}

async function serve(
  pipeline: Pipeline,
  { app, router, sticky, trees, sockets: socketEntry, limits }: Served,
): Promise<void> {
  const connections = new Connections(limits, boot.tls, row, {
    request: pipeline.handle,
    checkContinue: pipeline.handleContinue,
    checkExpectation: pipeline.handleExpectation,
    acceptsUpgrade: (req) =>
      app.acceptsUpgrade(req) || socketEntry?.takes(req, router.match(req.method!, req.url!)) === true,
    server: app.server,
    stream: pipeline.streams.handle,
    app: app.request,
    upgrade: pipeline.upgrades.upgrade,
    forwardsUpgrade: pipeline.upgrades.forwards,
    abandon: pipeline.abandon,
    // Other models do without it: it costs a message for each connection.
    ...(config.model === "sync" ? { idle: () => turns.ended() } : {}),
  });
  const turns = new PrefetchConsumer({
    row,
    isFree: () => connections.counted === 0,
    whenIdle: (next) => pipeline.whenIdle(next),
    begin: (fd) => {
      // Before anything is read. If this process dies, the arbiter must not give the connection to another worker.
      markBegun(fd);
      connections.adopt(new Socket({ fd, readable: true, writable: true }));
    },
    tell: () => tell({ type: "turn" }),
  });
  installProbe(() => {
    const current = pipeline.current();
    return {
      current: current === undefined ? undefined : view(current),
      exchanges: viewAll(pipeline),
      beatMs: row.beatMs,
      started: row.read(COUNTER.started),
    };
  });
  const hops = sticky && (await takeFromOthers(sticky, connections, warn));
  const onEmpty = (): void => hops?.close();
  if (socketEntry !== undefined) socketEntry.gone = (stream) => connections.gone(stream);
  const parts = { app, trees, config, connections, pipeline, sockets: socketEntry };
  const leaving = new Drain({ ...parts, tell, thread: boot.index, onEmpty });
  const listener = new ThreadListener({
    row,
    staleMs: config.blockedThresholdMs || DEFAULT_STALE_MS,
    adopt: (socket) => connections.adopt(socket),
    neighbours,
    passOn: (fd, { threadId, pid }) => {
      if (threadId !== undefined) tell({ type: "pass-on", fd, threadId });
      else if (pid !== undefined) tell({ type: "pass-to-worker", fd, pid });
    },
    onFull: () => tell({ type: "full" }),
    onError: (error) =>
      tell({ type: "log", level: "warn", fields: {}, message: `accepting a connection failed: ${error.message}` }),
  });
  startHeartbeat(pipeline, connections, listener);
  port.on("message", (message: ToThread) => {
    switch (message.type) {
      case "socket":
        connections.adopt(message.socket);
        break;
      case "fds":
        for (const fd of message.fds) {
          // Count it first. If the thread dies in between, the connection is lost, but never owned by two threads.
          row.counters[COUNTER.adopted]!++;
          connections.adopt(new Socket({ fd, readable: true, writable: true }));
        }
        break;
      case "take":
        turns.look();
        break;
      case "listen":
        void listen(listener, message.fds);
        break;
      case "stop-listening":
        listener.close();
        break;
      case "make-room":
        connections.makeRoom(performance.now());
        pipeline.makeRoom();
        break;
      case "peers":
        listener.know(message.peers.map(({ threadId, row }) => ({ threadId, row: new LoadRow(row) })));
        break;
      case "instances":
        sticky?.know(message.names);
        break;
      case "ticket-keys":
        connections.useTicketKeys(message.keys);
        break;
      case "inspect":
        tell({ type: "exchanges", id: message.id, exchanges: viewAll(pipeline) });
        break;
      case "units":
        void answerUnits(message, tell);
        break;
      case "drain-soon":
        leaving.begin(message.reason, message.times);
        break;
      case "drain":
        listener.close();
        sockets.retire();
        turns.stop();
        leaving.leave(message.reason, message.times);
        break;
      case "end":
        endApp(0, () => port.unref());
        break;
      case "gates":
      case "app-socket":
      case "handler":
      case "handler-gone":
        break;
    }
  });
}

async function listen(listener: ThreadListener, fds: readonly number[]): Promise<void> {
  try {
    tell({ type: "listening", addresses: await listener.listen(fds, config.backlog) });
  } catch (error) {
    tell({ type: "listen-failed", error: toWire(error) });
  }
}

function startHeartbeat(pipeline: Pipeline, connections: Connections, listener: ThreadListener): void {
  const beat = (nowMs: number, sinceMs: number, lateMs: number): void => {
    row.beat(nowMs);
    if (lateMs >= LATE_MS) row.lateCounts[bucketOf(lateMs * 1000)]!++;
    row.idleMs = performance.eventLoopUtilization().idle;
    if (config.blockedThresholdMs > 0 && sinceMs > config.blockedThresholdMs)
      tell({ type: "unblocked", blockedMs: sinceMs });
    listener.look();
    const now = performance.now();
    pipeline.sweep(now);
    connections.sweep(now);
  };
  new Heartbeat({ everyMs: beatMs, spread: BEAT_SPREAD, beat }).keep();
}

function tell(message: FromThread): void {
  port.postMessage(message);
}
