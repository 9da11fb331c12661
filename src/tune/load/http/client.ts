/** A connection for clients that wait for each answer: setup requests, and the benchmarks' mixed load. */
import { Connection, type Failure, type Target } from "./connection.ts";
import type { ResponseParser } from "./response-parser.ts";

export type Answer =
  /** The response is the connection's own: the next request overwrites it. */
  | { readonly complete: true; readonly response: ResponseParser }
  | { readonly complete: false; readonly failure: Failure; readonly detail: string };

export class Client {
  readonly #connection: Connection;
  #settle: ((answer: Answer) => void) | undefined;

  /** `keepBytes`: how much of a body is kept; the head is. */
  constructor(target: Target, keepBytes: number) {
    const owner = {
      answered: ({ response }: Connection) => this.#settle?.({ complete: true, response }),
      failed: (_: Connection, failure: Failure, detail: string) => this.#settle?.({ complete: false, failure, detail }),
    };
    this.#connection = new Connection(target, owner, keepBytes);
  }

  get usable(): boolean {
    return this.#connection.usable;
  }

  get busy(): boolean {
    return this.#connection.busy;
  }

  /** Requests answered so far. */
  get answered(): number {
    return this.#connection.answered;
  }

  /** One request at a time. */
  request(bytes: Uint8Array, timeoutMs: number, toHead = false): Promise<Answer> {
    if (!this.usable) return Promise.resolve({ complete: false, failure: "reset", detail: "closed" });
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => this.#connection.timeOut(`no answer in ${timeoutMs} ms`), timeoutMs);
    this.#settle = (answer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    this.#connection.send(bytes, toHead);
    return promise;
  }

  /** More of the body of the request under way; dropped if it has ended. */
  sendMore(bytes: Uint8Array): void {
    this.#connection.sendMore(bytes);
  }

  close(): void {
    this.#connection.close();
  }
}
