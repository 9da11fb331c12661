/**
 * The workers that run one load of the app's code under one configuration: a fixed pool of processes.
 *
 *   boot   all at once, all or nothing: the first that fails discards the others
 *   serve  they take connections; from then on the pool repairs and recycles them
 *   resize more workers, or fewer, while it serves
 *   retire it drains; none of its workers is started or repaired any more
 *
 * In a serving generation, a worker counts as ready when it takes connections. So a recycled worker serves until its
 * replacement does. While a generation boots, ready means that the app is loaded: all of them begin to serve together.
 */

import type { ServerConfig } from "../../../config/config.ts";
import { HeddleError, messageOf } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { errorFields, type Log } from "../../../log/log.ts";
import { ACTORS_VARIABLE } from "../../../actors/across/thread-numbers.ts";
import { SHARED_VARIABLE } from "../../../shared/transport.ts";
import { systemClock } from "../../../supervise/pool-clock.ts";
import { isEncrypted } from "../../../platform/app-servers.ts";
import type { Member } from "../../../supervise/member.ts";
import { Pool } from "../../../supervise/pool.ts";
import type { HopAccess } from "../../http/sticky/hop.ts";
import type { SocketAddress } from "../../worker/accept/address.ts";
import type { AppSummary, DrainReason, ListenerAddress } from "../../worker/serving/serving-protocol.ts";
import { BEAT_INTERVAL_MS, type GateShare, type TicketKeys } from "../../worker/worker-protocol.ts";
import type { Certificate } from "../tls.ts";
import type { ActorServer } from "../actors/actor-server.ts";
import type { Fleet } from "./fleet.ts";
import { share, shareLimit } from "../../worker/limit-shares.ts";
import type { Surroundings } from "./surroundings.ts";
import { type Accepts, WorkerHandle } from "./worker-handle.ts";

export interface GenerationOptions {
  readonly number: number;
  readonly config: ServerConfig;
  readonly tls: Certificate | undefined;
  /** The current keys, for a worker that is spawned. */
  readonly ticketKeys: () => TicketKeys;
  readonly surroundings: Surroundings;
  /** Where the shared store is reached. */
  readonly sharedPlace: string;
  /** Where its actors meet those of other workers. */
  readonly actors: ActorServer;
  readonly fleet: Fleet;
  readonly log: Log;
  readonly address: ListenerAddress;
  readonly hop: HopAccess;
  /** Resolves when the workers that serve know those that are about to, for sticky clients. */
  readonly areKnown: () => Promise<void>;
  /** How a worker in this slot should accept, when it is spawned. */
  readonly inherited: (slot: number, config: ServerConfig) => Accepts;
}

type WorkerMember = Member<WorkerHandle, HeddleError>;

/** Beyond the worker's own boot timeout, which names the thread that hangs. A busy machine takes seconds to start a process. */
export const BOOT_MARGIN_MS = 10_000;
/** Beyond the worker's own graceful timeout, which ends it in an orderly way and can say more. */
const DRAIN_MARGIN_MS = 2000;
/** A process that SIGKILL has not ended by then waits in the kernel. */
const KILL_PATIENCE_MS = 10_000;
/** Warnings about Node that were logged. All generations run on the same Node. */
const toldOfNode = new Set<string>();

export class Generation {
  readonly number: number;
  config: ServerConfig;
  /** The app's own files, as far as its workers have reported, even if they failed to boot. */
  modules: readonly string[] = [];
  readonly #options: GenerationOptions;
  readonly #pool: Pool<WorkerHandle, HeddleError>;

  constructor(options: GenerationOptions) {
    const { config, number, fleet } = options;
    this.#options = options;
    this.number = number;
    this.config = config;
    this.#pool = new Pool({
      rules: {
        kind: "fixed",
        startingAtOnce: Infinity,
        firstAlone: false,
        refill: config.reload === "stop-first" ? "after-end" : "at-once",
        startTimeoutMs: config.bootTimeoutMs + BOOT_MARGIN_MS,
        drainMs: config.gracefulTimeoutMs,
        drainMarginMs: DRAIN_MARGIN_MS,
        // A worker whose acceptor is silent is stopped or starved. Its connections would hang for ever.
        silenceMs: silenceOf(config.heartbeatTimeoutMs),
        killPatienceMs: KILL_PATIENCE_MS,
      },
      clock: systemClock,
      wanted: () => this.config.workers,
      spawn: (member) => this.#spawn(member),
      killError: (member, reason) => this.#killError(member, reason),
      onLost: (member, restMs) => this.#lost(member, restMs),
      onGone: ({ error, drainReason, place, driver }) => {
        if (error === undefined || drainReason === undefined) return;
        if (this.#pool.isClosing && !driver.wasCutShort) return;
        this.#options.log.warn({ worker: driver.pid, slot: place, ...errorFields(error) }, error.message);
      },
    });
    fleet.join(this);
  }

  get app(): AppSummary | undefined {
    return this.#pool.at(0)?.driver.app;
  }

  /** @throws HeddleError: why a worker did not become ready */
  async boot(): Promise<void> {
    try {
      await this.#pool.boot();
    } catch (error) {
      await this.retire("recycle", monotonicMs() + this.config.gracefulTimeoutMs);
      throw error ?? givenUp();
    }
    const { upgrades, server, routing = [], node = [] } = this.app ?? {};
    const { log } = this.#options;
    // `heddle check` logs these too.
    if (upgrades !== undefined) log[upgrades.level]({ routes: upgrades.routes }, upgrades.message);
    if (server?.note !== undefined) log[server.note.level]({ settings: server.note.names }, server.note.message);
    for (const lacking of node) {
      if (toldOfNode.has(lacking)) continue;
      toldOfNode.add(lacking);
      log.warn({}, lacking);
    }
    for (const difference of routing) log.warn({}, difference);
  }

  /** Without a trial: each worker serves as soon as it is ready, and one that does not boot is tried again, ever more slowly. */
  keepTrying(): void {
    this.#pool.open();
  }

  /** Resolves to the first worker's addresses. @throws HeddleError: a worker has died since it was ready */
  async serve(): Promise<readonly SocketAddress[]> {
    const addresses = await this.#serveFrom(0);
    return addresses[0] ?? [];
  }

  /**
   * Resolves when all new workers serve. `drained`: the surplus is gone. It goes on serving while those that stay do not.
   * @throws HeddleError: a new one did not become ready */
  async resize(workers: number): Promise<{ readonly drained: Promise<number> }> {
    const before = this.config;
    this.config = { ...before, workers };
    if (workers > before.workers) {
      try {
        await this.#pool.grow(before.workers);
        await this.#serveFrom(before.workers);
      } catch (error) {
        this.config = before;
        this.#pool.commit();
        // One that was replaced meanwhile has been told its part of more workers.
        this.#tellShares();
        throw error ?? givenUp();
      }
    }
    const surplus = this.#handles.filter(({ slot }) => slot >= workers);
    this.#pool.look();
    this.#tellShares();
    return { drained: countCut(surplus) };
  }

  /** Resolves to the number of workers cut short. May be called again with a more urgent reason or less time. */
  async retire(reason: DrainReason, deadlineMs: number): Promise<number> {
    const cut = countCut(this.#handles);
    await this.#pool.close(reason, deadlineMs);
    this.#options.fleet.leave(this);
    return cut;
  }

  kill(): void {
    // Before they are told to drain: with no time left they would answer their requests with 503.
    for (const { driver } of this.#pool.members) driver.kill();
    void this.#pool.close("stop", monotonicMs());
    for (const member of this.#pool.members) this.#pool.kill(member, undefined);
  }

  get #handles(): readonly WorkerHandle[] {
    return this.#pool.members.map(({ driver }) => driver);
  }

  async #serveFrom(slot: number): Promise<readonly (readonly SocketAddress[])[]> {
    await this.#options.areKnown();
    const workers = this.#handles.filter((worker) => worker.slot >= slot && worker.state === "ready");
    const addresses = await Promise.all(workers.map((worker) => worker.serve()));
    if (this.#pool.trialError !== undefined) throw this.#pool.trialError;
    this.#pool.commit();
    return addresses;
  }

  /** Who stands in for one that stays keeps its own share. */
  #tellShares(): void {
    const { workers } = this.config;
    for (const worker of this.#handles) if (worker.slot < workers) worker.tellShare(this.#shareOf(worker.slot));
  }

  /** The shares of `--limit` add up to the limit, however many workers there are. */
  #shareOf(slot: number): GateShare {
    const { limit, queue, workers } = this.config;
    return { limit: shareLimit(limit, slot, workers), queue: share(queue, slot, workers), workers };
  }

  #spawn(member: WorkerMember): WorkerHandle {
    const { config } = this;
    const { place } = member;
    const { fleet, address, inherited, surroundings, sharedPlace, actors, ticketKeys, hop } = this.#options;
    const { app, cwd, env } = surroundings;
    const own: ServerConfig = { ...config, ...this.#shareOf(place), app, cwd };
    const tls = this.#options.tls && { ...this.#options.tls, ticketKeys: ticketKeys() };
    const boot = { config: own, tls, slot: place, generation: this.number, address, hop, purpose: "serve" as const };
    const seat = actors.seat(this.number, place);
    const ownEnv = { ...env, [SHARED_VARIABLE]: sharedPlace, [ACTORS_VARIABLE]: seat.place };
    const worker = new WorkerHandle(member, boot, inherited(place, config), ownEnv);
    seat.started(worker.pid);
    worker.once("gone", () => seat.ended());
    worker.on("heard", () => this.#pool.heard(member));
    worker.once("loaded", () => {
      seat.booted();
      this.#noteModules(worker);
      if (isEncrypted(worker.app?.protocol)) worker.tellTicketKeys(ticketKeys());
      // Once the generation serves, a worker need not wait for the others.
      if (this.#pool.isOnTrial(member)) this.#pool.ready(member);
      else void this.#serveAlone(worker);
    });
    worker.once("serving", () => this.#pool.ready(member));
    worker.on("retire", (why, isBroken) => this.#recycle(member, why, isBroken));
    worker.once("kill-me", (error) => this.#pool.kill(member, error));
    worker.once("gone", (error) => {
      this.#noteModules(worker);
      this.#pool.gone(member, error);
    });
    // After the pool's listeners: when the fleet sees a worker serve, the pool must count it as ready already.
    fleet.add(worker);
    return worker;
  }

  async #serveAlone(worker: WorkerHandle): Promise<void> {
    await this.#options.areKnown();
    if (worker.state !== "gone") await worker.serve().catch(() => {});
  }

  #noteModules({ modules }: WorkerHandle): void {
    if (modules.length > 0) this.modules = modules;
  }

  /** The worker repeats its wish with each heartbeat. */
  #recycle(member: WorkerMember, why: string, isBroken: boolean): void {
    if (member.wish !== undefined || this.#pool.isClosing) return;
    if (isBroken) this.#options.fleet.restarts++;
    const { pid } = member.driver;
    const isFirst = this.config.reload === "stop-first";
    const how = isFirst ? "its replacement starts when it has ended" : "it serves until its replacement does";
    const message = `worker ${pid} is recycled (${why}): ${how}`;
    this.#options.log.info({ worker: pid, slot: member.place }, message);
    this.#tellRest(member.place, this.#pool.replace(member, "recycle"));
  }

  #killError({ driver }: WorkerMember, reason: "start-timeout" | "drain-timeout" | "silent"): HeddleError {
    const { pid, heardMs } = driver;
    const { bootTimeoutMs, heartbeatTimeoutMs } = this.config;
    if (reason === "start-timeout") {
      const message = `worker ${pid} was not ready within --boot-timeout (${bootTimeoutMs} ms)`;
      return new HeddleError("BOOT_TIMEOUT", message);
    }
    if (reason === "drain-timeout") driver.wasCutShort = true;
    const why =
      reason === "silent"
        ? `gave no sign of life for ${Math.round(monotonicMs() - heardMs)} ms and was killed (--heartbeat-timeout ${heartbeatTimeoutMs} ms)`
        : "was still busy after --graceful-timeout and was killed";
    return new HeddleError("WORKER_DIED", `worker ${pid} ${why}`);
  }

  #lost({ error, place, driver, readyMs }: WorkerMember, restMs: number): void {
    const { fleet, log } = this.#options;
    const fields = { worker: driver?.pid, slot: place, ...errorFields(error) };
    if (readyMs === undefined) log.error(fields, `the new worker did not boot: ${messageOf(error)}`);
    else {
      fleet.restarts++;
      log.error(fields, `${messageOf(error)}; a new worker replaces it`);
    }
    this.#tellRest(place, restMs);
  }

  #tellRest(slot: number, delayMs: number): void {
    if (delayMs === 0) return;
    this.#options.log.warn({ slot, delayMs }, `workers keep ending; the next one starts in ${delayMs} ms`);
  }
}

/** Four heartbeats: one that comes late is no reason to end a worker. */
const MIN_SILENCE_MS = 4 * BEAT_INTERVAL_MS;

/** 0: no limit. */
function silenceOf(heartbeatTimeoutMs: number): number {
  return heartbeatTimeoutMs === 0 ? 0 : Math.max(heartbeatTimeoutMs, MIN_SILENCE_MS);
}

/** Why those that boot do not become ready, if none of them has failed: they were ended, because the generation leaves. */
function givenUp(): HeddleError {
  return new HeddleError("CONTROL_UNAVAILABLE", "the server is stopping");
}

/** Resolves when all of these are gone. */
async function countCut(workers: readonly WorkerHandle[]): Promise<number> {
  const cut = await Promise.all(workers.map(async (worker) => (await worker.gone, worker.wasCutShort)));
  return cut.filter(Boolean).length;
}
