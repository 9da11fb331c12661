/**
 * The output of a handler thread on one link: complete responses go through shared memory (`response-ring.ts`), all else as
 * messages.
 *
 * The messages are counted, so that a response in memory can say which of them came before it. The count wraps at 2^32
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
  /** Messages posted up to and including the last announcement. */
  #announced: number;

  /** `said`: where the count begins, on both sides of the link. */
  constructor(port: MessagePort, answers: SharedArrayBuffer, said: number = 0) {
    this.#port = port;
    this.#answers = new ResponseRing(answers);
    this.#said = this.#announced = said;
    this.#answers.said(said);
  }

  readonly say = (message: FromHandler): void => {
    if (message.type !== "write" || !message.ends || !this.#answers.put(message, this.#said)) this.#post(message);
    else if (this.#answers.announce()) this.#announce();
  };

  /** Done with all jobs up to `seq`. If the serving thread will look for answers anyway, it sees that then. */
  done(seq: number): void {
    if (this.#said !== this.#announced || !this.#answers.isAnnounced) this.#post({ type: "done", seq });
  }

  #announce(): void {
    this.#post({ type: "answers" });
    this.#announced = this.#said;
  }

  #post(message: FromHandler): void {
    this.#said = next(this.#said);
    this.#answers.said(this.#said);
    this.#port.postMessage(message, []);
  }
}
