/**
 * How a worker leaves.
 *
 *   drain     the arbiter says so: connections that no thread has taken go back to it, the threads finish by the deadline, the process ends
 *   orphaned  the arbiter is gone: give the port back, finish what can be finished quickly, end
 */

import { rmSync } from "node:fs";
import type { ServerConfig } from "../../../config/config.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import type { Log } from "../../../log/log.ts";
import type { HopAccess } from "../../http/sticky/hop.ts";
import type { Acceptor } from "../accept/acceptor.ts";
import type { Incoming } from "../accept/incoming.ts";
import { printed } from "../flush-output.ts";
import type { Reporter } from "../report/report.ts";
import type { ThreadPool } from "../serving/serving-pool.ts";
import type { DrainReason } from "../serving/serving-protocol.ts";
import { tell } from "../to-arbiter.ts";

export interface LeavingOptions {
  readonly config: ServerConfig;
  readonly hop: HopAccess | undefined;
  readonly log: Log;
  readonly pool: ThreadPool;
  readonly acceptor: Acceptor;
  readonly incoming: Incoming;
  readonly reporter: Reporter;
  /** Resolves when what the arbiter has handed over has its place. */
  readonly placed: () => Promise<void>;
  /** Ends the process. `overdue`: it is killed after `patienceMs`. */
  readonly exit: (code: number, patienceMs: number, overdue: () => void) => void;
}

/** For the `exit` listeners of an app on the main thread. */
export const EXIT_PATIENCE_MS = 1000;
const ORPHAN_DRAIN_MS = 3000;

export class Leaving {
  readonly #options: LeavingOptions;
  #isDraining = false;
  #isOrphan = false;

  constructor(options: LeavingOptions) {
    this.#options = options;
  }

  get hasBegun(): boolean {
    return this.#isDraining;
  }

  async drain(reason: DrainReason, deadlineMs: number): Promise<void> {
    const { pool, acceptor, incoming, reporter, log, exit, placed } = this.#options;
    if (this.#isDraining) {
      if (reason === "stop") acceptor.leave();
      void pool.drain(reason, deadlineMs);
      return;
    }
    this.#isDraining = true;
    // The app hears of it at its beginning, and of this reason, whatever comes meanwhile.
    pool.drainSoon(reason, deadlineMs);
    acceptor.stopListening();
    await placed();
    if (reason === "stop") acceptor.leave();
    // What a thread has passed on to one that drains comes later.
    else acceptor.handOver((accepted) => incoming.giveBack(accepted));
    const cutShort = await pool.drain(reason, deadlineMs);
    // Of handler threads, which print by way of this one: what they have said at their ends has arrived a turn later.
    await new Promise(setImmediate);
    await printed();
    log.flush();
    tell({ type: "drained", report: reporter.report(), cutShort: cutShort > 0 }, () =>
      exit(0, Math.max(EXIT_PATIENCE_MS, deadlineMs - monotonicMs()), () => cutShort === 0 && this.#tellOverdue()),
    );
  }

  /** Not process.exit(): it waits for every thread to end, and nobody is left to kill a worker whose threads don't. */
  async orphaned(hasBooted: boolean): Promise<void> {
    if (this.#isOrphan) return;
    this.#isOrphan = true;
    const { pool, acceptor, log, hop, placed } = this.#options;
    const end = (): void => void process.kill(process.pid, "SIGKILL");
    setTimeout(end, ORPHAN_DRAIN_MS);
    const deadlineMs = monotonicMs() + ORPHAN_DRAIN_MS;
    // A new arbiter may want the port at once.
    await acceptor.endListening();
    if (hasBooted) {
      await placed();
      acceptor.leave();
      await pool.drain("stop", deadlineMs);
    }
    // The arbiter would have.
    if (hop !== undefined) rmSync(hop.folder, { recursive: true, force: true });
    log.flush();
    end();
  }

  #tellOverdue(): void {
    const limit = `--graceful-timeout (${this.#options.config.gracefulTimeoutMs} ms)`;
    const message = `worker ${process.pid} is killed: the app's SIGTERM or exit listeners, or connections to its other servers, did not end within ${limit}`;
    this.#options.log.warn({}, message);
  }
}
