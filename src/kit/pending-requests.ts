/** Questions to a worker that wait for their answers. One without an answer in time is answered with undefined. */

/** A worker that does not answer in this time is stopped or overwhelmed, and told of as such. */
const ANSWER_TIMEOUT_MS = 2000;

export class PendingRequests {
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #asked = 0;

  /** `send` puts the question with its id. */
  ask(send: (id: number) => void): Promise<unknown> {
    const id = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => this.answer(id, undefined), ANSWER_TIMEOUT_MS);
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

  /** Nobody is there to answer any more. */
  giveUp(): void {
    for (const id of this.#waiting.keys()) this.answer(id, undefined);
  }
}
