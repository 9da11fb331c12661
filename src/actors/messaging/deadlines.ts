/**
 * Timeouts of calls and receives. Most have one of a few durations, so those of one duration wait in one list, in order,
 * behind one timer: setting and clearing one, which a call does each time, is linking and unlinking.
 */

export interface Deadline {
  expire(): void;
}

export class DeadlineEntry {
  readonly deadline: Deadline;
  readonly dueMs: number;
  previous: DeadlineEntry | undefined;
  next: DeadlineEntry | undefined;
  list: DeadlineList | undefined;

  constructor(deadline: Deadline, dueMs: number) {
    this.deadline = deadline;
    this.dueMs = dueMs;
  }
}

class DeadlineList {
  readonly #durationMs: number;
  #first: DeadlineEntry | undefined;
  #last: DeadlineEntry | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #expire = (): void => this.#expireDue();

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  add(deadline: Deadline): DeadlineEntry {
    const entry = new DeadlineEntry(deadline, performance.now() + this.#durationMs);
    entry.list = this;
    entry.previous = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    if (this.#timer === undefined) this.#timer = setTimeout(this.#expire, this.#durationMs);
    else if (entry.previous === undefined) this.#timer.ref();
    return entry;
  }

  remove(entry: DeadlineEntry): void {
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.previous = entry.next = entry.list = undefined;
    // The timer stays for the next one: most lists are empty again at once, and used again soon.
    if (this.#first === undefined) this.#timer?.unref();
  }

  #expireDue(): void {
    this.#timer = undefined;
    // Timers are a millisecond early now and then.
    const nowMs = performance.now() + 0.5;
    for (let entry = this.#first; entry !== undefined && entry.dueMs <= nowMs; entry = this.#first) {
      this.remove(entry);
      entry.deadline.expire();
    }
    if (this.#first === undefined) lists.delete(this.#durationMs);
    else this.#timer ??= setTimeout(this.#expire, Math.max(1, this.#first.dueMs - nowMs));
  }
}

const lists: Map<number, DeadlineList> = new Map();

/** The longest a timer can be set for: 24.8 days. Longer is for ever. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1;

export function startDeadline(durationMs: number, deadline: Deadline): DeadlineEntry {
  let list = lists.get(durationMs);
  if (list === undefined) lists.set(durationMs, (list = new DeadlineList(durationMs)));
  return list.add(deadline);
}

export function clearDeadline(entry: DeadlineEntry): void {
  entry.list?.remove(entry);
}
