/**
 * A worker's connection to its meeting, on the arbiter's side. The other end is `actors/across/worker-link.ts`.
 *
 * A connection that says anything else before `hello`, or what is no frame, is ended. All frames that one chunk brings for a worker
 * leave in one write.
 */

import type { Socket } from "node:net";
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  KIND,
  MAX_FRAME_BYTES,
  VERSION,
  WHY,
} from "../../../actors/across/protocol.ts";
import { workerOf } from "../../../actors/across/thread-numbers.ts";
import { FrameReader } from "../../../kit/bytes/frame-reader.ts";
import type { Guest, Meeting } from "./meeting.ts";

export interface MeetingConnectionOptions {
  /** Where the worker belongs. undefined: no worker has this number and process. */
  readonly placeOf: (worker: number, pid: number) => { readonly meeting: Meeting; readonly slot: number } | undefined;
  readonly onFault: (what: string) => void;
}

export class MeetingConnection implements Guest {
  worker = 0;
  slot = 0;
  readonly #socket: Socket;
  readonly #options: MeetingConnectionOptions;
  readonly #reader = new FrameReader(MAX_FRAME_BYTES);
  #meeting: Meeting | undefined;
  #frames: Buffer[] = [];

  constructor(socket: Socket, options: MeetingConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    // Its end is all there is to know.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#meeting?.leave(this);
      this.#meeting?.flush();
    });
  }

  add(frame: Buffer): void {
    this.#frames.push(frame);
  }

  /** A copy: a frame is a view of the chunk that it came in, and would keep all of it. */
  flush(): void {
    const frames = this.#frames;
    this.#frames = [];
    if (frames.length > 0 && !this.#socket.destroyed) this.#socket.write(Buffer.concat(frames));
  }

  #receive(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let bytes = this.#reader.next(); bytes !== undefined; bytes = this.#reader.next()) {
      const frame = bytes === "too-large" ? undefined : decodeFrame(bytes);
      if (frame === undefined || !this.#obey(frame, bytes as Buffer)) {
        this.#options.onFault(bytes === "too-large" ? "a frame that is too long" : "what is no frame");
        this.#socket.destroy();
        break;
      }
      if (this.#socket.destroyed || this.#socket.writableEnded) break;
    }
    this.#meeting?.flush();
  }

  /** False: it may not say that. */
  #obey(frame: Frame, bytes: Buffer): boolean {
    const { kind, flag, a, rest } = frame;
    const meeting = this.#meeting;
    if (meeting === undefined) return kind === KIND.hello && this.#hello(frame);
    switch (kind) {
      case KIND.data:
      case KIND.credit:
        meeting.pass(this, workerOf(a), bytes);
        return true;
      case KIND.claim:
        meeting.claim(this, a, rest.toString(), flag);
        return true;
      case KIND.release:
        meeting.release(this, a, rest.toString());
        return true;
      case KIND.checked:
        meeting.checked(a);
        return true;
      default:
        return false;
    }
  }

  #hello({ a: worker, b: pid, flag: version }: Frame): boolean {
    const place = version === VERSION ? this.#options.placeOf(worker, pid) : undefined;
    if (place === undefined || place.meeting.has(worker)) {
      const why = version !== VERSION ? WHY.version : place === undefined ? WHY.stranger : WHY.present;
      this.#socket.end(encodeFrame(KIND.refused, why));
      return true;
    }
    this.worker = worker;
    this.slot = place.slot;
    this.#meeting = place.meeting;
    place.meeting.join(this);
    return true;
  }
}
