/**
 * The output of a handler thread on one link: complete responses and ends of jobs go through shared memory (`response-ring.ts`),
 * all else as messages.
 *
 * The messages are counted, so that what lies in memory can say which of them came before it. The count wraps at 2^32
 * (`wrapping.ts`), on both sides.
 */

import type { MessagePort } from "node:worker_threads";
import { next } from "../../../../kit/wrapping.ts";
import { ResponseRing } from "../shared/response-ring.ts";
import type { FromHandler } from "../shared/offload-protocol.ts";

export class Outbox {
  readonly #port: MessagePort;
  readonly #answers: ResponseRing;
  #said: number;
  /** An end lies in memory that the serving thread may not look for. */
  #isUntold = false;

  /** `said`: where the count begins, on both sides of the link. */
  constructor(port: MessagePort, answers: SharedArrayBuffer, said: number = 0) {
    this.#port = port;
    this.#answers = new ResponseRing(answers);
    this.#said = said;
  }

  readonly say = (message: FromHandler): void => {
    if (message.type === "write" && message.ends && this.#answers.put(message, this.#said)) this.#announce();
    else this.#post(message);
  };

  /** The job is over, and says nothing more. `tell` says it, unless another message or response does. */
  done(seq: number, ranMs: number): void {
    if (this.#answers.putEnd(seq, ranMs, this.#said)) this.#isUntold = true;
    else this.#post({ type: "done", seq, ranMs });
  }

  /** Nothing else follows soon. */
  tell(): void {
    if (this.#isUntold) this.#announce();
  }

  #announce(): void {
    this.#isUntold = false;
    if (this.#answers.announce()) this.#post({ type: "answers" });
  }

  #post(message: FromHandler): void {
    this.#said = next(this.#said);
    this.#port.postMessage(message, []);
  }
}
