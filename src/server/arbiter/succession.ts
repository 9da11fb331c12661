/**
 * Which generation serves, and how the next one takes over from it.
 *
 *   start-first (default): the next one boots beside the current one → all ready → it serves → the old one drains
 *   stop-first:            the old one drains and ends → the next one boots → it serves, or is tried again and again
 *
 * Invariant: a generation that does not boot changes nothing, unless the old one had to end first.
 *
 * `arbiter.ts` calls it, one command at a time.
 */

import { count } from "../../errors/count.ts";
import type { ActorServer } from "./actors/actor-server.ts";
import type { ServerConfig } from "../../config/config.ts";
import { HeddleError } from "../../errors/errors.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { Log } from "../../log/log.ts";
import { isEncrypted } from "../../platform/app-servers.ts";
import type { Accepting } from "./accept/accepting.ts";
import type { Progress } from "./coalesced-command.ts";
import type { TicketKeys } from "./ticket-keys.ts";
import { readTls } from "./tls.ts";
import type { Fleet } from "./workers/fleet.ts";
import { Generation } from "./workers/generation.ts";
import type { Roster } from "./workers/roster.ts";
import { settle } from "./workers/surroundings.ts";

/** The command has taken effect. When the old workers are gone, `drained` resolves to the number that were cut short. */
export interface Done {
  readonly drained: Promise<number>;
}

export interface SuccessionOptions {
  readonly fleet: Fleet;
  readonly log: Log;
  readonly accepting: Accepting;
  readonly roster: Roster;
  readonly ticketKeys: TicketKeys;
  /** Where the shared store is reached. */
  readonly sharedPlace: string;
  readonly actors: ActorServer;
  readonly isStopping: () => boolean;
}

const IDLE_PATIENCE_MS = 500;

export class Succession {
  /** The app's own files as last reported, also by a generation that did not boot. */
  modules: readonly string[] = [];
  readonly #options: SuccessionOptions;
  #current: Generation | undefined;
  /** The generation that boots or takes over now. */
  #next: Generation | undefined;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /** undefined: none has booted yet. */
  get current(): Generation | undefined {
    return this.#current;
  }

  /** 0: none has booted yet. */
  get number(): number {
    return this.#current?.number ?? 0;
  }

  get whoServes(): string {
    const current = this.#current;
    if (current === undefined) return "Nothing serves yet.";
    if (current.config.reload === "start-first") return `Generation ${current.number} keeps serving.`;
    return "Nothing serves now: the old generation has ended (--reload stop-first). Connections wait while heddle tries again, ever more slowly. A reload tries at once.";
  }

  /** @throws HeddleError CONTROL_UNAVAILABLE */
  refuseWhileStopping(): void {
    if (this.#options.isStopping()) throw new HeddleError("CONTROL_UNAVAILABLE", "the server is stopping");
  }

  /** The server stops: the one that boots, if any, is given up. */
  giveUpNext(gracefulTimeoutMs: number): void {
    if (this.#next === undefined) return;
    void this.#next.retire("stop", monotonicMs() + gracefulTimeoutMs);
    // The current one serves during the stop delay.
    this.#options.roster.follow(this.number);
  }

  /** Boots the next generation and lets it serve. Then it is the current one. */
  async takeOver(config: ServerConfig, progress: Progress): Promise<Done> {
    const { roster, accepting, ticketKeys, isStopping } = this.#options;
    const old = this.#current;
    const number = this.number + 1;
    const next = this.#make(number, config);
    this.refuseWhileStopping();
    const stopsFirst = config.reload === "stop-first" && old !== undefined;
    const cut = stopsFirst ? await this.#stopFirst(old, progress) : 0;
    this.refuseWhileStopping();
    this.#next = next;
    progress(`generation ${number}: starting ${count(config.workers, "worker")}`);
    try {
      await next.boot();
      progress(`generation ${number}: ready`);
      // Before its workers take connections.
      roster.follow(number);
      const addresses = await next.serve();
      if (this.#current === undefined) accepting.noteAddresses(addresses);
      accepting.serves(next.app?.protocol);
      await accepting.adapt(config);
      this.refuseWhileStopping();
    } catch (error) {
      void next.retire("recycle", monotonicMs() + config.gracefulTimeoutMs);
      if (stopsFirst && !isStopping()) this.#keepTrying(number, config);
      if (!isStopping()) roster.follow(this.number);
      // Its workers may have listened already, on sockets that the workers of the current one do not have.
      if (this.#current !== undefined) await accepting.adapt(this.#current.config);
      throw error;
    } finally {
      this.#next = undefined;
      if (next.modules.length > 0) this.modules = next.modules;
    }
    this.#current = next;
    if (config.tlsCert !== undefined || isEncrypted(next.app?.protocol))
      ticketKeys.rotateEvery(config.tlsTicketRotationMs);
    if (old === undefined || stopsFirst) return { drained: Promise.resolve(cut) };
    progress(`generation ${number}: serving; draining ${count(old.config.workers, "old worker")}`);
    // Under --watch, changes must show soon: an idle connection would still lead to the old code.
    return { drained: this.#retire(old, config.watch) };
  }

  /** `isHurried`: it does not wait for idle connections. */
  #retire(old: Generation, isHurried: boolean): Promise<number> {
    const deadlineMs = monotonicMs() + old.config.gracefulTimeoutMs;
    const drained = old.retire("reload", deadlineMs);
    if (isHurried) setTimeout(() => void old.retire("stop", deadlineMs), IDLE_PATIENCE_MS);
    return drained;
  }

  /** Resolves when it has ended, to the number of its workers that were cut short. Connections wait for the next one. */
  #stopFirst(old: Generation, progress: Progress): Promise<number> {
    progress(`generation ${old.number}: draining ${count(old.config.workers, "worker")} first (--reload stop-first)`);
    return this.#retire(old, true);
  }

  /** Nothing serves any more. What has failed to boot may boot later: when the code is right, or what it needs is there. */
  #keepTrying(number: number, config: ServerConfig): void {
    this.#current = this.#make(number, config);
    this.#current.keepTrying();
  }

  #make(number: number, config: ServerConfig): Generation {
    const { fleet, log, accepting, roster, ticketKeys, sharedPlace, actors } = this.#options;
    const tls = readTls(config);
    return new Generation({
      number,
      config,
      tls,
      ticketKeys: () => ticketKeys.current,
      surroundings: settle(config, (message) => log.warn({}, message)),
      sharedPlace,
      actors,
      fleet,
      log,
      address: accepting.address,
      hop: roster.access,
      areKnown: () => roster.isRead(),
      inherited: (slot, current) => accepting.inherited(slot, current),
    });
  }
}
