/**
 * Decides when a program that uses the runtime may end: when no thread has work and no message is on its way. Threads and
 * ports never keep the program alive by themselves. This does, and only while needed, at no cost for messages.
 *
 * A thread has no work when nothing keeps its loop alive: no timer, no I/O. Node reports that with `beforeExit`, on the main
 * thread and in workers alike. So a thread that is asked unrefs the handle that keeps it alive. When `beforeExit` comes, it
 * refs the handle again and answers with the numbers of messages sent and received on each link.
 *
 *   the root's beforeExit (or: code on the root waits) ─▶ round 1: ask all ─▶ all have answered ─▶ round 2 ─▶ …
 *   quiet: two rounds in a row gave equal counts, and each link's receiver has received what its sender has sent
 *
 * Two rounds are needed because the answers of one round are not from one moment: a message may be sent after its sender's
 * answer and received before its receiver's. If the counts are equal twice and everything is received, that can't have
 * happened.
 *
 * While code on the root waits (`retain`), the root stays alive between rounds too, so that `beforeExit` does not come: a test
 * runner takes it for the end. If the rounds find everything quiet nevertheless, no answer will ever come. Then the root's
 * handle is released, and the program ends like any program that awaits what never happens.
 *
 * The program's own listeners of `beforeExit` hear of it only when everything is quiet, and once, unless they begin something
 * (before-exit.ts).
 *
 * A program that is about to end, while units are parked that it should wait for, says so first (`ending`): nothing is left
 * that could wake them. Listeners of `beforeExit` may still wake them, so that is done only when the event comes again and
 * nothing has changed. A server ends its runtime itself, and has no detector.
 *
 * Rejected: counting tasks (timers and sockets that a task has left would be cut off), and polling
 * `process.getActiveResourcesInfo()` (it shows neither which resources are ours nor when they change).
 */

import { attendBeforeExit, type Emission } from "./before-exit.ts";
import type { Counts } from "./thread-protocol.ts";
import { clearTimeout, setImmediate, setInterval, setTimeout } from "../../kit/native-timers.ts";

/** The pause between two rounds if a thread was busy with messages. It doubles each time. */
const FIRST_PAUSE_MS = 1;
const MAX_PAUSE_MS = 200;

export interface QuietContext {
  readonly ask: (thread: number, round: number) => void;
  readonly threads: () => readonly number[];
  readonly counts: () => Counts;
  /** What units of the root wait for, if the program should not end before they do. */
  readonly unfinished: () => readonly object[];
  /** There are such units, and the program is about to end. */
  readonly ending: () => Promise<void>;
}

/** A thread's last answer. */
export interface Quiet {
  readonly round: number;
  readonly counts: Counts;
  readonly unfinished: number;
}

/** The longest delay of a timer. It keeps a thread alive without doing anything. */
const FOREVER_MS = 2 ** 31 - 1;

function newHold(): NodeJS.Timeout {
  return setInterval(() => {}, FOREVER_MS);
}

/** The root's side. */
export class TerminationDetector {
  readonly #context: QuietContext;
  readonly #hold: NodeJS.Timeout = newHold().unref();
  #retained = 0;
  /** Everything was quiet, and no message was sent or received since. */
  #settled = false;
  #round = 0;
  #waitingFor: Set<number> | undefined;
  #answers = new Map<number, Counts>();
  /** On other threads. */
  readonly #unfinished = new Map<number, number>();
  /** Those of the root when the program was last about to end. Undefined: messages have come or gone since. */
  #suspects: readonly object[] | undefined;
  #isEnding = false;
  #previous = "";
  #pauseMs = FIRST_PAUSE_MS;
  #pause: NodeJS.Timeout | undefined;

  constructor(context: QuietContext) {
    this.#context = context;
    attendBeforeExit((emission) => {
      if (this.#settled || this.#context.threads().length === 0) this.#atEnd(emission);
      else this.#begin();
    });
  }

  retain(): void {
    if (this.#retained++ > 0) return;
    this.#settled = false;
    this.#hold.ref();
    this.#later();
  }

  release(): void {
    if (--this.#retained === 0 && this.#waitingFor === undefined) this.#letGo();
  }

  /** A message was sent or received, so the earlier result is void. */
  stir(): void {
    this.#suspects = undefined;
    if (!this.#settled) return;
    this.#settled = false;
    if (this.#retained === 0) return;
    this.#hold.ref();
    this.#later();
  }

  gone(thread: number): void {
    this.#unfinished.delete(thread);
    this.#answers.delete(thread);
    if (this.#waitingFor?.delete(thread) === true) this.#conclude();
  }

  answered(thread: number, { round, counts, unfinished }: Quiet): void {
    if (round !== this.#round || this.#waitingFor === undefined) return;
    this.#answers.set(thread, counts);
    this.#unfinished.set(thread, unfinished);
    this.#waitingFor.delete(thread);
    this.#conclude();
  }

  #begin(): void {
    if (this.#settled || this.#waitingFor !== undefined || this.#context.threads().length === 0) return;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#hold.ref();
    this.#round++;
    this.#answers = new Map();
    this.#waitingFor = new Set(this.#context.threads());
    for (const thread of this.#waitingFor) this.#context.ask(thread, this.#round);
  }

  /** Nothing keeps the program alive any more. */
  #atEnd({ tell }: Emission): void {
    if (this.#isEnding) return;
    const before = this.#suspects;
    const now = this.#context.unfinished();
    const isOver = now.length === 0 && [...this.#unfinished.values()].every((count) => count === 0);
    if (isOver) return void tell();
    if (before?.length !== now.length || now.some((each, index) => each !== before[index])) {
      this.#suspects = now;
      // If they have begun something, the next event is for them too.
      if (tell()) this.#suspects = undefined;
      // Until the event comes again.
      setImmediate(() => {});
      return;
    }
    this.#isEnding = true;
    this.#hold.ref();
    void this.#context.ending().then(() => this.#hold.unref());
  }

  #conclude(): void {
    if (this.#waitingFor === undefined || this.#waitingFor.size > 0) return;
    this.#waitingFor = undefined;
    this.#answers.set(0, this.#context.counts());
    const seen = JSON.stringify([...this.#answers].sort(([a], [b]) => a - b));
    const quiet = seen === this.#previous && allReceived(this.#answers);
    this.#previous = seen;
    if (quiet) {
      this.#settled = true;
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#letGo();
    } else {
      this.#later();
    }
  }

  #later(): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#begin();
    }, this.#pauseMs).unref();
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
  }

  #letGo(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#hold.unref();
  }
}

/** Whether each link between living threads is empty. */
function allReceived(answers: ReadonlyMap<number, Counts>): boolean {
  for (const [from, counts] of answers) {
    for (const [to, [sent]] of Object.entries(counts)) {
      const other = answers.get(Number(to))?.[from];
      if (other !== undefined && other[1] !== sent) return false;
    }
  }
  return true;
}

/** Another thread's side: keeps the thread alive, and answers when it has no work. */
export class IdleAnswer {
  readonly #hold: NodeJS.Timeout = newHold();
  #asked: number | undefined;

  constructor(answer: (round: number) => void) {
    process.on("beforeExit", () => {
      this.#hold.ref();
      const round = this.#asked;
      this.#asked = undefined;
      if (round !== undefined) answer(round);
    });
  }

  ask(round: number): void {
    this.#asked = round;
    this.#hold.unref();
  }
}
