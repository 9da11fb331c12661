/**
 * Warns the operator when a process stops accepting connections for want of descriptors (`accept/descriptor-room.ts`), and when it
 * has none left at all, because the app has taken them. Nothing else would tell of the second: the event loop then uses a descriptor
 * that it keeps in reserve to accept the waiting connections, and closes them.
 */

import { monotonicMs } from "../../kit/clock.ts";
import type { Log } from "../../log/log.ts";
import { isShort } from "../../platform/descriptors.ts";
import { hasNative } from "../../platform/native.ts";
import { type DescriptorUse, descriptorUse, reserveOf } from "./accept/descriptor-room.ts";

const CHECK_MS = 250;
/** A shortage comes and goes with the connections. It is logged at most once in this time. */
const REPEAT_MS = 60_000;
const FIX =
  "Raise the limit: `ulimit -n` in a shell, LimitNOFILE= of a systemd unit, `--ulimit nofile=` of a container.";

export class DescriptorWatch {
  readonly #log: Log;
  readonly #who: string;
  #fullToldMs = -Infinity;
  #shortToldMs = -Infinity;

  /** `who`: the process's name in the log line. */
  constructor(log: Log, who: string) {
    this.#log = log;
    this.#who = who;
    setInterval(() => this.#look(), CHECK_MS).unref();
  }

  /** It has stopped accepting. */
  readonly full = (): void => {
    const use = descriptorUse();
    if (use === undefined || monotonicMs() - this.#fullToldMs < REPEAT_MS) return;
    this.#fullToldMs = monotonicMs();
    this.#log.warn(
      use,
      `${this.#who} has ${use.open} of its ${use.limit} file descriptors open, keeps ${reserveOf(use.limit)} free for files and ` +
        `for what it starts, and accepts no connection until others end. New ones wait meanwhile. ${FIX}`,
    );
  };

  #look(): void {
    if (monotonicMs() - this.#shortToldMs < REPEAT_MS || !isShort()) return;
    this.#shortToldMs = monotonicMs();
    const limit = descriptorUse()?.limit;
    this.#log.warn(
      { limit },
      `${this.#who} has no file descriptors left${limit === undefined ? "" : ` (its limit is ${limit})`}: ` +
        "nothing can be opened or started until some are closed, and " +
        `${hasNative() ? "no connection is accepted" : "new connections are closed without an answer"}. ${FIX}`,
    );
  }
}

/** For `heddle status`. */
export interface DescriptorReport extends DescriptorUse {
  /** It has too few to accept connections. */
  readonly isFull: boolean;
}

/** undefined: it can't be told. */
export function reportDescriptors(isFull: boolean): DescriptorReport | undefined {
  const use = descriptorUse(false);
  return use && { ...use, isFull };
}
