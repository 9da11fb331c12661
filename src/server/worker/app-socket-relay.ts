/**
 * Passes on what the copies of the app on a worker's threads ask the arbiter about the sockets they share
 * (`server/app/listen/app-sockets.ts`), and the arbiter's answers. Both processes number a wish by the id that its thread gave it.
 */

import { closeFd, hasNative } from "../../platform/native.ts";
import type { RawHandle } from "../../platform/node-internals/handles.ts";
import type { FromCopy, SocketAnswer, ToCopy } from "../app/listen/app-sockets.ts";
import { detachHandle } from "./accept/accepted.ts";
import type { FromWorker, ToWorker } from "./worker-protocol.ts";

/** A thread that runs the app. */
export interface AppThread {
  on(event: "app-socket", listener: (message: FromCopy) => void): unknown;
  once(event: "gone", listener: () => void): unknown;
  answer(message: ToCopy): void;
}

export class AppSocketRelay {
  readonly #tell: (message: FromWorker) => void;
  readonly #purpose: "serve" | "check";
  readonly #owners = new Map<number, AppThread>();

  constructor(tell: (message: FromWorker) => void, purpose: "serve" | "check") {
    this.#tell = tell;
    this.#purpose = purpose;
  }

  connect(thread: AppThread): void {
    thread.on("app-socket", (message) => {
      const { id } = message;
      if (message.type === "give-up-socket") this.#giveUp(id);
      else if (this.#purpose === "check") thread.answer({ type: "app-socket", id, answer: { outcome: "pretended" } });
      else if (!hasNative()) thread.answer({ type: "app-socket", id, answer: { outcome: "unavailable" } });
      else {
        this.#owners.set(id, thread);
        this.#tell(message);
      }
    });
    // Its descriptors were closed with it.
    thread.once("gone", () => {
      for (const [id, owner] of this.#owners) if (owner === thread) this.#giveUp(id);
    });
  }

  /** The arbiter's answer. */
  answered({ id, outcome }: ToWorker & { type: "app-socket" }, handle: object | undefined): void {
    const owner = this.#owners.get(id);
    const answer: SocketAnswer = outcome === "given" ? given(handle as RawHandle | undefined) : { outcome };
    if (owner !== undefined) return owner.answer({ type: "app-socket", id, answer });
    if (answer.outcome === "given") closeFd(answer.fd);
  }

  #giveUp(id: number): void {
    if (this.#owners.delete(id)) this.#tell({ type: "give-up-socket", id });
  }
}

/** The received handle would be this thread's. */
function given(handle: RawHandle | undefined): SocketAnswer {
  const detached = handle && detachHandle(handle);
  return detached === undefined ? { outcome: "failed" } : { outcome: "given", fd: detached.fd };
}
