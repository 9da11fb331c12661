/**
 * Whether a worker wants to be replaced, and why: it has served enough, is old or too large (`recycling.ts`), got a SIGTERM, or its
 * main thread is tainted. It says so with every heartbeat until it is. The first reason stays.
 */

import type { ServerConfig } from "../../../config/config.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { residentBytes } from "../../../platform/descriptors.ts";
import { Recycling } from "./recycling.ts";

/** An idle second more or less does not matter for recycling. */
const CHECK_MS = 250;

export class Retirement {
  /** Of a heartbeat. */
  wish: { readonly retire: string | undefined; readonly isBroken: boolean } = { retire: undefined, isBroken: false };
  readonly #isLeaving: () => boolean;
  readonly #changed: () => void;

  constructor(isLeaving: () => boolean, changed: () => void) {
    this.#isLeaving = isLeaving;
    this.#changed = changed;
  }

  /** `isBroken`: it counts as a restart. */
  want(why: string, isBroken: boolean): void {
    const { wish } = this;
    if (this.#isLeaving()) return;
    if (wish.retire !== undefined) {
      this.wish = { ...wish, isBroken: wish.isBroken || isBroken };
      return;
    }
    this.wish = { retire: why, isBroken };
    this.#changed();
  }

  /** From now on, because of its age, its requests, its memory. */
  watch(config: ServerConfig, requests: () => number): void {
    const recycling = new Recycling(config, Math.random());
    const readyMs = monotonicMs();
    const timer = setInterval(() => {
      const ageMs = monotonicMs() - readyMs;
      const due = recycling.due({ requests: requests(), ageMs, rssBytes: residentBytes() });
      if (due === undefined) return;
      clearInterval(timer);
      this.want(`${due.reason}: ${due.detail}`, false);
    }, CHECK_MS);
  }
}
