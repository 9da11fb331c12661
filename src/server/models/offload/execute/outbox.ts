/**
 * What a handler thread says on one link: complete responses through shared memory (`response-ring.ts`), all else as messages.
 */

import type { MessagePort } from "node:worker_threads";
import { Answers } from "../shared/response-ring.ts";
import type { FromHandler } from "../shared/offload-protocol.ts";

export class Outbox {
  readonly #port: MessagePort;
  readonly #answers: Answers;
  #said = 0;
  /** Messages posted up to the last announcement, itself included. */
  #announced = 0;

  constructor(port: MessagePort, answers: SharedArrayBuffer) {
    this.#port = port;
    this.#answers = new Answers(answers);
  }

  readonly say = (message: FromHandler): void => {
    if (message.type !== "write" || !message.ends || !this.#answers.put(message, this.#said)) this.#post(message);
    else if (this.#answers.announce()) this.#announce();
  };

  /** Done with all jobs up to `seq`. Who will look for answers anyway, sees that then. */
  done(seq: number): void {
    if (this.#said !== this.#announced || !this.#answers.isAnnounced) this.#post({ type: "done", seq });
  }

  #announce(): void {
    this.#post({ type: "answers" });
    this.#announced = this.#said;
  }

  #post(message: FromHandler): void {
    this.#said = (this.#said + 1) | 0;
    this.#answers.said(this.#said);
    this.#port.postMessage(message, []);
  }
}
