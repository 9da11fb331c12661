/**
 * `for await` over a channel. Like an async generator, it is over after the first end, error, `return` or `throw`. Unlike one, `return` does
 * not wait for a `next` before it, which still gets its value.
 *
 * Rejected: an async generator. It takes several promises more for each value.
 */

import { isTimeUp } from "../../runtime/run-queue.ts";
import { nextTurn } from "../waiter.ts";
import type { ChannelCore, Received } from "./channel-core.ts";

type Result<T> = IteratorResult<T, void>;

const OVER: Result<never> = { value: undefined, done: true };

export class Iteration<T> implements AsyncGenerator<T, void, undefined> {
  readonly #core: ChannelCore<T>;
  #isOver: boolean = false;

  constructor(core: ChannelCore<T>) {
    this.#core = core;
  }

  next(): Promise<Result<T>> {
    if (this.#isOver) return Promise.resolve({ ...OVER });
    const received = this.#core.receiveNow();
    if (received === undefined) return this.#core.receive().then(this.#resultOf, this.#failed);
    const result = this.#resultOf(received);
    return isTimeUp() ? nextTurn(result) : Promise.resolve(result);
  }

  readonly #resultOf = ({ value, ok }: Received<T>): Result<T> => {
    if (ok) return { value, done: false };
    this.#isOver = true;
    return { ...OVER };
  };

  readonly #failed = (error: unknown): never => {
    this.#isOver = true;
    throw error;
  };

  return(value?: void | PromiseLike<void>): Promise<Result<T>> {
    this.#isOver = true;
    return Promise.resolve(value).then((last) => ({ value: last, done: true }));
  }

  throw(error: unknown): Promise<never> {
    this.#isOver = true;
    return Promise.reject(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
