/** Requests that wait for a reply. If no reply comes in time, the result is undefined. */

export class PendingRequests {
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  readonly #timeoutMs: number;
  #asked = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** `send` sends the request with its id. */
  ask(send: (id: number) => void, timeoutMs: number = this.#timeoutMs): Promise<unknown> {
    const id = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => this.answer(id, undefined), timeoutMs);
    this.#waiting.set(id, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    send(id);
    return promise;
  }

  answer(id: number, answer: unknown): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  /** The other side is gone: no more replies will come. */
  giveUp(): void {
    for (const id of this.#waiting.keys()) this.answer(id, undefined);
  }
}
