/**
 * What a socket sends, and how much of it waits because the client reads slowly.
 *
 * Invariants
 * - At most `UNAWAITED` times `sendBytes` and one message wait. `whenSlow` says what happens beyond `sendBytes`.
 * - A loop that awaits each `send` holds up nothing: when it has run for long enough, `send` resolves after timers and I/O have run, also
 *   when the socket is closed.
 * - With compression all frames go through the sender of `ws`, which keeps their order. Our side of the connection ends behind the close
 *   frame, which may have to wait there.
 */

import type { Socket } from "node:net";
import { setImmediate } from "../../../kit/native-timers.ts";
import { isTimeUp } from "../../../runtime/run-queue.ts";
import { mustBeData } from "../arguments.ts";
import { bytesOf, closeFrame, dataFrame, pingFrame, pongFrame, type SocketData } from "../wire/frames.ts";
import type { SendOutcome, SocketClose } from "../socket-actor.ts";
import type { Missed } from "./rooms.ts";
import type { SocketsOfKind } from "./sockets-of-kind.ts";
import type { PiecewiseReader } from "./piecewise-reader.ts";
import { type Compression, isSenderAtRest, type Sender, unsentBytes } from "../wire/ws-parts.ts";

/** A socket with so many times `sendBytes` unsent is closed: nobody awaits its `send`. */
const UNAWAITED = 4;

/** A socket that closes ends at last if its client takes nothing, also where open ones may stand still for ever. */
const STALLED_MS = 30_000;

const outcomes: Readonly<Record<SendOutcome, Promise<SendOutcome>>> = {
  sent: Promise.resolve("sent"),
  dropped: Promise.resolve("dropped"),
  closed: Promise.resolve("closed"),
};

/** So often a `finally` may still send. */
const LATE_SENDS = 32;

/** Resolves at once, unless timers and I/O have waited long enough. */
function inTurn(outcome: SendOutcome): Promise<SendOutcome> {
  if (!isTimeUp()) return outcomes[outcome];
  return new Promise((resolve) => setImmediate(resolve, outcome));
}

/** Only sockets with compression have one. */
export interface Compressed {
  readonly compression: Compression;
  readonly reader: PiecewiseReader;
  readonly sender: Sender;
  /** It has still to be written, behind what is being compressed. `ends`: then our side ends. */
  closeFrame: "none" | "waits" | "ends";
}

export abstract class Outgoing {
  sent = 0;
  dropped = 0;
  protected readonly stream: Socket;
  protected readonly kind: SocketsOfKind;
  protected compressed: Compressed | undefined = undefined;
  /** When the last message was sent or received. */
  protected activeMs: number;
  #flushed: PromiseWithResolvers<SendOutcome> | undefined = undefined;
  #takenBytes = 0;
  #stalledSinceMs = 0;
  #isTooSlow = false;
  /** What was left of its actor has sent so often. */
  #sentLate = 0;

  constructor(stream: Socket, kind: SocketsOfKind) {
    this.stream = stream;
    this.kind = kind;
    this.activeMs = kind.nowMs();
  }

  abstract get isOpen(): boolean;
  /** Its actor has ended, and code of that goes on. */
  protected abstract get isLeftOver(): boolean;
  protected abstract beginToClose(code: number, reason: string): void;

  get bufferedBytes(): number {
    return this.stream.writableLength + (this.compressed === undefined ? 0 : unsentBytes(this.compressed.sender));
  }

  send(data: SocketData | SocketClose): Promise<SendOutcome> {
    if (!this.isOpen) return this.#sendLate();
    mustBeData(data, "socket.send()");
    const { sendBytes, whenSlow } = this.kind.options;
    const { bufferedBytes } = this;
    if (bufferedBytes < sendBytes) {
      this.#write(data);
      return inTurn("sent");
    }
    if (whenSlow === "drop") return inTurn(this.#drop());
    if (whenSlow === "close" || bufferedBytes >= sendBytes * UNAWAITED) return inTurn(this.#closeSlow());
    const { promise } = (this.#flushed ??= Promise.withResolvers());
    this.#write(data, (error) => this.flush(error ? "closed" : "sent"));
    return promise;
  }

  /** A `finally` may still send. A loop of an actor that has ended stops here. */
  #sendLate(): Promise<SendOutcome> {
    if (this.isLeftOver && ++this.#sentLate > LATE_SENDS) return new Promise(() => {});
    return inTurn("closed");
  }

  /** A message of a room. `frame`: the same, ready to be written. */
  publish(data: SocketData, frame: Buffer, whenSlow: "drop" | "close"): Promise<SendOutcome> {
    if (!this.isOpen) return outcomes.closed;
    if (this.bufferedBytes >= this.kind.options.sendBytes)
      return outcomes[whenSlow === "drop" ? this.#drop() : this.#closeSlow()];
    if (this.compressed === undefined) {
      this.activeMs = this.kind.nowMs();
      this.sent++;
      this.stream.write(frame);
    } else this.#write(data);
    return outcomes.sent;
  }

  /** Messages of a room that have not come to this thread. */
  missed({ dropped, closes }: Missed): void {
    if (!this.isOpen) return;
    this.#drop(dropped);
    if (closes) this.#closeSlow();
  }

  protected ping(): void {
    if (this.compressed === undefined) this.stream.write(pingFrame);
    else this.compressed.sender.ping("", false);
  }

  /** A client that pings and does not read gets no answers any more. */
  protected pong(payload: Uint8Array): void {
    if (!this.isOpen || this.bufferedBytes >= this.kind.options.sendBytes) return;
    if (this.compressed === undefined) this.stream.write(pongFrame(payload));
    else this.compressed.sender.pong(payload, false);
  }

  protected writeClose(code: number, reason: string): void {
    if (!this.stream.writable) return;
    const { stream, compressed } = this;
    if (compressed === undefined) return void stream.write(closeFrame(code, reason));
    compressed.closeFrame = "waits";
    compressed.sender.close(code === 1005 ? undefined : code, reason, false, () => {
      if (compressed.closeFrame === "ends") stream.end();
      compressed.closeFrame = "none";
    });
  }

  protected endStream(): void {
    if (this.compressed?.closeFrame === "waits") this.compressed.closeFrame = "ends";
    else this.stream.end();
  }

  /** Memory that is of use only while something is compressed or inflated. */
  protected giveBackCompressors(): void {
    const { compressed } = this;
    if (compressed !== undefined && compressed.reader.isAtRest && isSenderAtRest(compressed.sender))
      compressed.compression.cleanup();
  }

  /** For how long the kernel has taken nothing of what is written. A client that takes nothing holds memory. */
  protected stalledMs(nowMs: number): number {
    if (this.stream.writableLength === 0) return (this.#stalledSinceMs = 0);
    const takenBytes = this.kind.host.takenBytes(this.stream);
    if (takenBytes !== this.#takenBytes || this.#stalledSinceMs === 0) {
      this.#takenBytes = takenBytes;
      this.#stalledSinceMs = nowMs;
    }
    return nowMs - this.#stalledSinceMs;
  }

  /**
   * It closes, and its client still takes what was sent before. It may do so slowly, as long as it does: the kernel takes nothing for
   * seconds, and then much at once. Not for a client that is closed because it is slow.
   */
  protected stillSends(nowMs: number): boolean {
    if (this.#isTooSlow || this.bufferedBytes === 0) return false;
    return this.stalledMs(nowMs) < (this.kind.host.writeTimeoutMs || STALLED_MS);
  }

  /** Whoever waits to send goes on. */
  protected flush(outcome: SendOutcome): void {
    const flushed = this.#flushed;
    this.#flushed = undefined;
    flushed?.resolve(outcome);
  }

  #write(data: SocketData, done?: (error?: Error | null) => void): void {
    this.activeMs = this.kind.nowMs();
    this.sent++;
    if (this.compressed === undefined) this.stream.write(dataFrame(data), done);
    else {
      const binary = typeof data !== "string";
      const own = binary ? bytesOf(data).slice() : data;
      this.compressed.sender.send(own, { binary, compress: true, fin: true, mask: false }, done);
    }
  }

  #drop(messages: number = 1): SendOutcome {
    this.dropped += messages;
    this.kind.host.slow("dropped", messages);
    return "dropped";
  }

  #closeSlow(): SendOutcome {
    this.#isTooSlow = true;
    this.kind.host.slow("closed", 1);
    this.beginToClose(1013, "the client reads too slowly");
    return "closed";
  }
}
