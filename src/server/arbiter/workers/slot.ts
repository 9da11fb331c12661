/**
 * One worker's place in a generation: once it serves, a worker serves here until the slot is retired.
 *
 *   booting → serving ⇄ recycling   its worker is to be replaced and serves until its replacement does
 *                     ⇄ repairing   its worker died; the next one boots after the restart policy's delay
 *   and from anywhere → retired     for good: nothing is started any more, what runs drains
 *
 * A replacement that does not boot is tried again and again, ever more slowly; only the first boot may fail.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { errorFields, type Log } from "../../../log/log.ts";
import type { SocketAddress } from "../../worker/accept/address.ts";
import type { Backoff } from "../../../supervise/backoff.ts";
import type { DrainReason } from "../../worker/serving/serving-protocol.ts";
import type { Fleet } from "./fleet.ts";
import type { WorkerHandle } from "./worker-handle.ts";

export type SlotState = "booting" | "serving" | "recycling" | "repairing" | "retired";

export interface SlotOptions {
  readonly fleet: Fleet;
  readonly log: Log;
  /** One for all slots of a generation: they run the same code. */
  readonly policy: Backoff;
  readonly gracefulTimeoutMs: number;
  readonly spawn: () => WorkerHandle;
}

export class Slot {
  readonly index: number;
  state: SlotState = "booting";
  readonly #options: SlotOptions;
  /** Every worker of this slot that is not gone: the current one, its replacement, those that drain. */
  readonly #workers = new Set<WorkerHandle>();
  readonly #retired = new AbortController();
  #current: WorkerHandle | undefined;

  constructor(index: number, options: SlotOptions) {
    this.index = index;
    this.#options = options;
  }

  get current(): WorkerHandle | undefined {
    return this.#current;
  }

  /** The first worker. @throws HeddleError why it did not get ready */
  async boot(): Promise<void> {
    this.#current = this.#spawn();
    await this.#current.ready();
  }

  /** Lets it take connections; resolves to its addresses. @throws HeddleError it died since it was ready */
  async serve(): Promise<readonly SocketAddress[]> {
    const addresses = await this.#current!.serve();
    if (this.state === "booting") this.state = "serving";
    return addresses;
  }

  /** Resolves to how many workers were cut short. May be called again, with a more urgent reason. */
  retire(reason: DrainReason): Promise<number> {
    this.state = "retired";
    this.#retired.abort();
    return this.#options.fleet.retire([...this.#workers], reason, this.#options.gracefulTimeoutMs);
  }

  #spawn(): WorkerHandle {
    const worker = this.#options.spawn();
    this.#workers.add(worker);
    worker.once("retire-me", (reason, detail) => this.#recycle(worker, `${reason}: ${detail}`));
    worker.once("gone", (error) => {
      this.#workers.delete(worker);
      if (error !== undefined && worker === this.#current) this.#died(worker, error);
    });
    return worker;
  }

  #died(worker: WorkerHandle, error: HeddleError): void {
    const { state } = this;
    if (state === "retired" || state === "booting") return;
    const { fleet, log } = this.#options;
    log.error(
      { worker: worker.pid, slot: this.index, ...errorFields(error) },
      `${error.message}; a new one takes its place`,
    );
    fleet.restarts++;
    this.state = "repairing";
    // Its replacement is on the way already if it was being recycled.
    if (state === "serving") void this.#replace(worker);
  }

  #recycle(worker: WorkerHandle, why: string): void {
    if (this.state !== "serving" || worker !== this.#current) return;
    this.#options.log.info(
      { worker: worker.pid, slot: this.index },
      `worker ${worker.pid} is recycled (${why}): it serves until its replacement does`,
    );
    this.state = "recycling";
    void this.#replace(worker);
  }

  async #replace(old: WorkerHandle): Promise<void> {
    const next = await this.#bootUntilServing(monotonicMs() - old.readyMs!);
    if (next === undefined) return;
    this.#current = next;
    this.state = "serving";
    const { fleet, gracefulTimeoutMs } = this.#options;
    await fleet.retire([old], "recycle", gracefulTimeoutMs);
  }

  /** undefined: the slot was retired meanwhile. */
  async #bootUntilServing(readyForMs: number | undefined): Promise<WorkerHandle | undefined> {
    const { log, policy } = this.#options;
    for (let readyFor = readyForMs; ; readyFor = undefined) {
      const delayMs = policy.died(readyFor);
      if (delayMs > 0) {
        log.warn({ slot: this.index, delayMs }, `workers keep ending; the next one starts in ${delayMs} ms`);
      }
      if (!(await this.#wait(delayMs))) return undefined;
      const worker = this.#spawn();
      try {
        await worker.ready();
        await worker.serve();
        if (!this.#retired.signal.aborted) return worker;
      } catch (error) {
        if (this.#retired.signal.aborted) return undefined;
        log.error(
          { slot: this.index, worker: worker.pid, ...errorFields(error) },
          `the new worker did not boot: ${(error as Error).message}`,
        );
      }
    }
  }

  /** False: the slot was retired meanwhile. */
  async #wait(delayMs: number): Promise<boolean> {
    const { signal } = this.#retired;
    if (delayMs > 0 && !signal.aborted) await sleep(delayMs, undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }
}
