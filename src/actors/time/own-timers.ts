/**
 * Timers that a server has for itself: the idle timeout of `genServer`, the timeouts of `genStatem`. When one is due, the server
 * finds a `TimeoutMessage` behind the messages that are in its mailbox by then.
 *
 * Invariants
 * - A timer that was cleared or set again is not current any more: the message that it may have left in the mailbox is told by
 *   `isCurrent`, and ignored.
 * - The timers of an actor end with it, however it ends, so that they keep nothing alive.
 */

import { clearDeadline, startDeadline, type Deadline } from "../messaging/deadlines.ts";
import { Signal } from "../messaging/signal.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import type { Process } from "../process/process.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";

export class TimeoutMessage extends Signal {
  readonly #timer: OwnTimer;
  readonly #round: number;

  constructor(timer: OwnTimer, round: number) {
    super();
    this.#timer = timer;
    this.#round = round;
  }

  /** The timer that is over; undefined if it was cleared or set again since. */
  get timer(): OwnTimer | undefined {
    return this.#timer.round === this.#round ? this.#timer : undefined;
  }
}

const timers: Map<Process, Set<OwnTimer>> = new Map();

export class OwnTimer implements Deadline {
  dueTick: number = 0;
  previousDue: Deadline | undefined = undefined;
  nextDue: Deadline | undefined = undefined;
  /** How often it was set or cleared. */
  round: number = 0;
  readonly #process: Process;

  constructor(process: Process) {
    this.#process = process;
  }

  /** Sets it, or sets it again. 0 or less: due at once, behind what is in the mailbox. `Infinity`: never. */
  start(ms: number): void {
    this.clear();
    if (ms <= 0) return this.expire();
    if (ms === Infinity || this.#process.status === "dead") return;
    rareFieldsOf(this.#process);
    const own = timers.get(this.#process);
    if (own === undefined) timers.set(this.#process, new Set([this]));
    else own.add(this);
    startDeadline(ms, this);
  }

  clear(): void {
    this.round += 1;
    clearDeadline(this);
    const own = timers.get(this.#process);
    if (own?.delete(this) === true && own.size === 0) timers.delete(this.#process);
  }

  expire(): void {
    this.#process.deliverSignal(new TimeoutMessage(this, this.round));
  }
}

beforeExitSignals((process) => {
  for (const timer of timers.get(process) ?? []) clearDeadline(timer);
  timers.delete(process);
});
