/**
 * Fake time for tests, as Go's testing/synctest: an hour's sleep takes no time, and always exactly an hour.
 *
 *   all threads parked ──▶ somebody awaits `settled()`: it goes on
 *                     ├──▶ a timer is pending: the time moves to the next one, on all threads
 *                     └──▶ none is: nothing can ever happen again, which is an error
 *
 * Other than in Go, it holds for the whole program, not only for tasks that were started in the function: JavaScript's timers are global.
 */

import { HeddleError } from "../../../errors/errors.ts";
import { clearInterval, setInterval, MAX_TIMER_MS } from "../../../kit/native-timers.ts";
import { dumpTasks } from "../../jobs/dump.ts";
import { connected, onThreadAdded } from "../../task-service.ts";
import "./fake-thread.ts";
import { FakeTimers } from "./fake-timers.ts";
import { Activity } from "./parked-thread.ts";
import { tellTime } from "./protocol.ts";
import { allParked } from "./quiet.ts";

export interface FakeTime {
  /**
   * Settles when all other tasks of the program are parked, without moving the time: Go's `synctest.Wait`. So a test can look at what has
   * happened until now, and know that nothing more happens until the time moves.
   */
  settled(): Promise<void>;
}

export interface FakeTimeOptions {
  /** The time at the beginning. A number is milliseconds since 1970. Default: 2000-01-01T00:00:00Z, as in Go. */
  readonly start?: Date | number;
}

/** Go's. */
const DEFAULT_START_MS = 946_684_800_000;

class Running implements FakeTime {
  readonly #time = new Float64Array(new SharedArrayBuffer(8));
  readonly #activity = new Activity();
  readonly #timers: FakeTimers;
  readonly #hold: NodeJS.Timeout = setInterval(() => {}, MAX_TIMER_MS);
  #waiting: (() => void)[] = [];
  isOver = false;

  constructor(startMs: number) {
    this.#time[0] = startMs;
    this.#timers = new FakeTimers(this.#time);
    for (const thread of this.#others()) this.begin(thread);
  }

  begin(thread: number): void {
    tellTime(thread, "begin", 0, this.#time.buffer);
  }

  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Moves the time whenever all is parked. Rejects when nothing can happen any more. */
  async drive(): Promise<void> {
    while (!this.isOver) {
      const answers = await allParked(
        () => this.#activity.parked(),
        () => this.isOver,
      );
      if (this.isOver || answers === undefined) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
      if (waiting.length > 0) continue;
      const next = [this.#timers.next(), ...answers.values()];
      const [ref, any] = [earliest(next.map((each) => each.ref)), earliest(next.map((each) => each.any))];
      if (ref === undefined) throw await stuck();
      await this.#move(any!);
    }
  }

  end(): void {
    this.isOver = true;
    clearInterval(this.#hold);
    this.#timers.uninstall();
    this.#activity.end();
    for (const thread of this.#others()) tellTime(thread, "end", 0, undefined);
  }

  async #move(toMs: number): Promise<void> {
    this.#time[0] = Math.max(this.#time[0]!, toMs);
    for (const thread of this.#others()) tellTime(thread, "moved", 0, undefined);
    await this.#timers.fireDue();
  }

  #others(): number[] {
    return [...connected().threads()].filter((thread) => thread !== connected().self);
  }
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const set = times.filter((time) => time !== undefined);
  return set.length === 0 ? undefined : Math.min(...set);
}

async function stuck(): Promise<HeddleError> {
  const tasks = await dumpTasks();
  const shown = tasks.map(({ name, where }) => `${name} (${where ?? "awaits a promise"})`).join(", ");
  const message = `under fake time all tasks are parked and no timer is pending, so nothing can happen any more. Tasks: ${shown || "none"}.`;
  return new HeddleError("TIME_STUCK", message, {
    hint: "A task waits for a value or a lock that nobody gives, or for something outside of the program.",
  });
}

let running: Running | undefined;

onThreadAdded((thread) => running?.begin(thread));

/**
 * Runs a function under fake time, and returns its result. Until it has ended, `Date`, `setTimeout`, `setInterval`, `sleep`, `after`, tickers, deadlines
 * and timeouts of the whole program follow a clock that stands still while anything runs, and moves to the next timer when all tasks of all
 * threads are parked. Timers that are unref'd fire, but do not move the clock on their own. `performance.now()`, `setImmediate` and I/O are
 * real; while I/O is under way the clock stands still. Timers that are pending at the end go on in real time.
 *
 * @throws what the function throws; HeddleError TIME_STUCK if everything is parked, no timer is pending, and the function has not ended; SYNC_MISUSE
 *   on another thread than the program's first, or while fake time is on; TASK_INVALID if `start` is not a time
 */
export async function withFakeTime<R>(
  run: (time: FakeTime) => R | PromiseLike<R>,
  options: FakeTimeOptions = {},
): Promise<Awaited<R>> {
  const { start = DEFAULT_START_MS } = options;
  const startMs = Number(start);
  if (!Number.isFinite(startMs)) {
    throw new HeddleError(
      "TASK_INVALID",
      `the start of fake time must be a Date or milliseconds since 1970, and is ${String(start)}.`,
    );
  }
  if (connected().role !== "root") {
    throw new HeddleError("SYNC_MISUSE", "fake time is begun on the program's first thread; it holds for all threads.");
  }
  if (running !== undefined) {
    throw new HeddleError("SYNC_MISUSE", "fake time is on already.", {
      hint: "It holds for the whole program: run tests that use it one after the other.",
    });
  }
  const time = new Running(startMs);
  running = time;
  try {
    const stuckOrOver = time.drive();
    const outcome = (async () => await run(time))();
    await Promise.race([outcome, stuckOrOver.then(() => never)]);
    return await outcome;
  } finally {
    running = undefined;
    time.end();
  }
}

const never: Promise<never> = new Promise(() => {});
