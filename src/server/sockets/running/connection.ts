/**
 * One WebSocket: what `ws` parses of it goes to the mailbox of its actor, and what its actor sends goes out (outgoing.ts).
 *
 *   opening ─▶ open ─▶ closing ─▶ ending ─▶ closed
 *                └────────────────┘
 *
 * opening: the actor has not begun, and nothing is read. closing: our close frame is out, and the client's is awaited. ending: nothing
 * more is sent or read, and the connection only has to close. closed: it has; the actor may still run.
 *
 * Invariants
 * - The actor receives the end exactly once, after all messages, unless it has exited before. When it exits, the socket closes.
 * - One close frame is sent at most.
 * - What waits in the mailbox is bounded by not reading the socket (`#hold`).
 * - What was sent before the close frame is sent, however slowly its client takes it (`stillSends`).
 * - A socket whose end does not come (no close frame, no end of the connection) is cut off by `tick`.
 *
 * Memory: tens of thousands of these idle at once. So there are no closures and no timers: the listeners are functions that all
 * connections share, and one clock ticks for all.
 */

import { inspect } from "node:util";
import type { Socket } from "node:net";
import { isCleanExit, type ExitReason } from "../../../actors/process/exit-reason.ts";
import { arrive } from "../../../actors/process/exit-signals.ts";
import type { Mailbox } from "../../../actors/messaging/mailbox.ts";
import type { Pid } from "../../../actors/process/pid.ts";
import type { Linked } from "../../../kit/linked-list.ts";
import { mustBeSendable } from "../arguments.ts";
import { judgeQuiet } from "./keep-alive.ts";
import { Outgoing } from "./outgoing.ts";
import { PiecewiseReader, pieceBytesFor } from "./piecewise-reader.ts";
import { CloseMessage, DrainMessage } from "./signals.ts";
import type { ActorSocket } from "../socket-actor.ts";
import type { Drained } from "../socket-host.ts";
import { runningUnit } from "../../../runtime/running-unit.ts";
import { SocketProcess, type ServedSocket } from "./socket-process.ts";
import type { HandshakeRequest } from "../socket-request.ts";
import type { SocketsOfKind } from "./sockets-of-kind.ts";
import { codeOf, newSender, type Compression, type ParsedBy, type Parser } from "../wire/ws-parts.ts";

type State = "opening" | "open" | "closing" | "ending" | "closed";

/** How long the client may take to answer a close frame, from when the kernel has it. */
const CLOSE_MS = 5000;
/** And then to close its side of the connection. */
const LINGER_MS = 2000;
const SECOND_MS = 1000;

/** Why the socket is not read. Bits. */
const HELD = { beforeBegin: 1, byMailbox: 2, byRate: 4, byParser: 8, byActor: 6, all: 15 } as const;

const connectionOf: unique symbol = Symbol("heddle.socket");

interface Carries {
  [connectionOf]?: Connection;
}

/** What the handshake has settled. */
export interface Agreed {
  readonly request: HandshakeRequest;
  readonly protocol: string;
  readonly route: string;
  readonly compression: Compression | undefined;
}

export class Connection extends Outgoing implements ActorSocket, ServedSocket, ParsedBy, Linked<Connection> {
  previous: Connection | undefined = undefined;
  next: Connection | undefined = undefined;
  readonly process: SocketProcess;
  readonly request: HandshakeRequest;
  readonly protocol: string;
  readonly route: string;
  readonly openedMs: number;
  received = 0;
  /** Of its end. 0: it has not begun to close. */
  code = 0;
  #state: State = "opening";
  #held: number = HELD.beforeBegin;
  /** In the middle of a message. */
  #parser: Parser | undefined = undefined;
  /** Since the mailbox was last empty. */
  #unreadBytes = 0;
  #heardMs: number;
  #pinged = false;
  #secondMs = 0;
  #inSecond = 0;
  /** When it, or then its actor, has had enough time to end. */
  #deadlineMs = 0;
  /** Its thread drains. */
  #closesWhenIdle = false;
  #wasToldToExit = false;

  constructor(stream: Socket, kind: SocketsOfKind, { request, protocol, route, compression }: Agreed) {
    super(stream, kind);
    this.request = request;
    this.protocol = protocol;
    this.route = route;
    this.openedMs = this.#heardMs = kind.nowMs();
    if (compression !== undefined) this.#compress(compression);
    this.process = new SocketProcess(this);
    (stream as Carries)[connectionOf] = this;
    stream.on("data", onData).on("end", onEnd).on("close", onClose).on("error", ignored);
    stream.pause();
  }

  #compress(compression: Compression): void {
    const pieceBytes = pieceBytesFor(this.kind.options.unreadBytes);
    const reader = new PiecewiseReader(this.kind.parsers.own(this, compression, pieceBytes), {
      pieceBytes,
      isHeld: () => (this.#held & HELD.byActor) !== 0,
      drained: () => this.#allIsParsed(),
      failed: (error) => this.#failed(error),
    });
    this.compressed = { compression, reader, sender: newSender(this.stream, compression), closeFrame: "none" };
  }

  get label(): string {
    return this.kind.options.name;
  }

  get supervisor(): Pid {
    return this.kind.supervisor;
  }

  // What its actor calls.

  get isOpen(): boolean {
    return this.#state === "open";
  }

  protected get isLeftOver(): boolean {
    return this.process.status === "dead" && runningUnit() === this.process;
  }

  close(code: number = 1000, reason: string = ""): void {
    mustBeSendable(code, reason);
    this.beginToClose(code, reason);
  }

  terminate(): void {
    this.stream.destroy();
  }

  // What its thread tells.

  drain(why: Drained): void {
    if (this.#state !== "open" || this.#closesWhenIdle) return;
    if (this.kind.options.onDrain === "tell") this.process.deliverSignal(new DrainMessage(why));
    else this.#closesWhenIdle = true;
  }

  /** Closes it as a part of a drain. */
  lastCall(): void {
    const { code, reason } = this.kind.drained() ?? { code: 1001, reason: "" };
    this.beginToClose(code, reason);
  }

  /** Its connection is closed, and its actor waits for a message that nobody may send any more, so that it is not waited for. */
  get isOver(): boolean {
    return this.#state === "closed" && this.process.isIdle;
  }

  tick(nowMs: number): void {
    switch (this.#state) {
      case "opening":
        break;
      case "open":
        this.#lookAt(nowMs);
        break;
      case "closing":
        if (this.stillSends(nowMs)) this.#deadlineMs = nowMs + CLOSE_MS;
        else if (nowMs >= this.#deadlineMs) this.stream.destroy();
        break;
      case "ending":
        if (this.stillSends(nowMs)) this.#deadlineMs = nowMs + LINGER_MS;
        else if (nowMs >= this.#deadlineMs) this.stream.destroy();
        break;
      case "closed":
        if (nowMs >= this.#deadlineMs) this.#endActor(nowMs);
    }
  }

  // What its actor tells.

  run(): unknown {
    // It may have been closed before its actor began.
    if (this.#state === "opening") this.#state = "open";
    const drained = this.kind.drained();
    if (drained !== undefined) this.drain(drained.why);
    this.#release(HELD.beforeBegin);
    return this.kind.kind.body(this.process as never, this, this.request);
  }

  get isHeldUp(): boolean {
    return (this.#held & HELD.byMailbox) !== 0;
  }

  hasRead(): void {
    const { unread } = this.process;
    if (unread === 0) this.#unreadBytes = 0;
    this.#releaseIfFew(unread);
  }

  /** What others have sent, and what its actor leaves unread for long, must not keep the socket from being read. */
  waits(): void {
    const { messages, bytes } = unreadOf(this.process.mailbox);
    this.#unreadBytes = bytes;
    this.#releaseIfFew(messages);
  }

  #releaseIfFew(messages: number): void {
    const { unreadMessages, unreadBytes } = this.kind.options;
    if (messages <= unreadMessages / 2 && this.#unreadBytes < unreadBytes) this.#release(HELD.byMailbox);
  }

  actorCrashed(error: unknown): void {
    this.kind.crashed(this, error);
  }

  actorExited(reason: ExitReason): void {
    const drained = this.kind.drained();
    if (!isCleanExit(reason)) this.beginToClose(1011, "");
    else if (drained !== undefined) this.beginToClose(drained.code, drained.reason);
    else this.beginToClose(reason === "normal" ? 1000 : 1001, "");
    if (this.#state === "closed") this.kind.forget(this);
  }

  // What its parser tells.

  message(data: Buffer, isBinary: boolean): void {
    const { process, kind } = this;
    const { unreadMessages, unreadBytes, messagesPerSecond } = kind.options;
    this.received++;
    this.activeMs = this.#heardMs;
    const { unread } = process;
    // A client that has been told that it is over, and sends on, fills no mailbox.
    if (unread === 0) this.#unreadBytes = 0;
    const hasEnough = unread >= unreadMessages || this.#unreadBytes >= unreadBytes;
    const isTooLate = this.#state === "closing" ? hasEnough : this.#state !== "open";
    if (isTooLate || process.status === "dead") return;
    this.#unreadBytes += data.length;
    if (process.deliver(isBinary ? ownBytes(data) : data.toString()) !== undefined) {
      this.beginToClose(1013, "the mailbox is full");
      return;
    }
    // The client's answer to our close frame must be read.
    if (this.#state !== "open") return;
    if (unread + 1 >= unreadMessages || this.#unreadBytes >= unreadBytes) this.#hold(HELD.byMailbox);
    if (messagesPerSecond > 0 && ++this.#inSecond >= messagesPerSecond) this.#hold(HELD.byRate);
  }

  pinged(payload: Buffer): void {
    this.pong(payload);
  }

  concluded(code: number, reason: string): void {
    if (this.#state === "closing") this.#end(this.code, "");
    else if (this.#state === "open") {
      // RFC 6455 §5.5.1: the answer has the client's code.
      this.writeClose(code, "");
      this.#end(code, reason);
    }
  }

  // What its stream tells.

  read(chunk: Buffer): void {
    if (this.#state === "ending" || this.#state === "closed") return;
    this.#heardMs = this.kind.nowMs();
    this.#pinged = false;
    if (this.compressed !== undefined) {
      if (!this.compressed.reader.write(chunk)) this.#hold(HELD.byParser);
      return;
    }
    const parser = this.kind.parsers.parse(this, this.#parser, chunk);
    if (parser?.errored) this.#failed(parser.errored);
    else this.#parser = parser;
  }

  /** The client has closed its side. What it has sent before may still be parsed. */
  streamEnded(): void {
    if (this.compressed?.reader.isBusy !== true) this.#endWithoutFrame();
  }

  #allIsParsed(): void {
    if (this.stream.readableEnded) this.#endWithoutFrame();
    else this.#release(HELD.byParser);
  }

  #endWithoutFrame(): void {
    if (this.#state !== "ending" && this.#state !== "closed") this.#end(this.code || 1006, "");
  }

  streamClosed(): void {
    this.#endWithoutFrame();
    this.#state = "closed";
    const { compressed } = this;
    compressed?.reader.close(() => compressed.compression.cleanup());
    this.#deadlineMs = this.kind.nowMs() + this.kind.options.endMs;
    this.kind.closed(this, this.stream);
    if (this.process.status === "dead") this.kind.forget(this);
  }

  /** The client has broken a rule of the protocol. */
  #failed(error: Error): void {
    if (this.#state === "closing") this.#end(this.code, "");
    else if (this.#state === "open") {
      const code = codeOf(error);
      this.writeClose(code, "");
      this.#end(code, error.message);
    }
  }

  protected beginToClose(code: number, reason: string): void {
    if (this.#state !== "open" && this.#state !== "opening") return;
    this.#state = "closing";
    this.code = code;
    this.writeClose(code, reason);
    this.flush("closed");
    this.#deadlineMs = this.kind.nowMs() + CLOSE_MS;
    // The client's answer must be read. How much may come with it is bounded by `message`.
    this.#release(HELD.all);
  }

  /** Nothing more is sent, and what still comes is dropped. */
  #end(code: number, reason: string): void {
    this.#state = "ending";
    this.code = code;
    this.#parser = undefined;
    this.compressed?.reader.stop();
    this.flush("closed");
    this.#deadlineMs = this.kind.nowMs() + LINGER_MS;
    this.process.deliverSignal(new CloseMessage(code, reason));
    this.endStream();
    this.#release(HELD.all);
  }

  #lookAt(nowMs: number): void {
    if (this.#closesWhenIdle && this.process.isIdle) return this.lastCall();
    if (nowMs - this.#secondMs >= SECOND_MS) this.#beginSecond(nowMs);
    if (nowMs - this.activeMs >= SECOND_MS) this.giveBackCompressors();
    if (this.#held !== 0 && this.#isLost(nowMs)) return void this.stream.destroy();
    const quiet = {
      silentMs: nowMs - this.#heardMs,
      pinged: this.#pinged,
      idleMs: nowMs - this.activeMs,
      stalledMs: this.stalledMs(nowMs),
    };
    switch (judgeQuiet(quiet, this.kind.limits)) {
      case "ping":
        this.#pinged = true;
        // It has as long again from now, even if it was silent for longer: its socket was not read, or its thread stood still.
        this.#heardMs = nowMs - this.kind.options.pingMs;
        this.ping();
        break;
      case "cut":
        this.stream.destroy();
        break;
      case "close-idle":
        this.beginToClose(1000, "idle");
        break;
      case undefined:
    }
  }

  /**
   * Nothing is heard of a client whose socket is not read: neither its answer to a ping, nor the end of its connection. But the kernel
   * hears of both. What is not known passes for heard.
   */
  #isLost(nowMs: number): boolean {
    const { host } = this.kind;
    if (host.isBroken(this.stream)) return true;
    const { pingMs } = this.kind.options;
    if (this.#pinged && (host.unacknowledgedMs(this.stream) ?? 0) < pingMs) {
      this.#heardMs = nowMs;
      this.#pinged = false;
    }
    return false;
  }

  /** What was read at once beyond the rate is owed to the next seconds. */
  #beginSecond(nowMs: number): void {
    const { messagesPerSecond } = this.kind.options;
    const seconds = Math.floor((nowMs - this.#secondMs) / SECOND_MS);
    this.#secondMs += seconds * SECOND_MS;
    this.#inSecond = Math.max(0, this.#inSecond - messagesPerSecond * seconds);
    if (this.#inSecond < messagesPerSecond || messagesPerSecond === 0) this.#release(HELD.byRate);
  }

  /** Its actor still runs, though the socket has ended: it is told to exit, and then killed. */
  #endActor(nowMs: number): void {
    const reason = this.#wasToldToExit ? "kill" : "shutdown";
    this.#wasToldToExit = true;
    this.#deadlineMs = nowMs + this.kind.options.endMs;
    arrive(this.supervisor, this.process, reason, "sent");
  }

  #hold(why: number): void {
    if (this.#held === 0) this.stream.pause();
    this.#held |= why;
  }

  #release(why: number): void {
    if (this.#held === 0) return;
    const wasByActor = (this.#held & HELD.byActor) !== 0;
    this.#held &= ~why;
    if (wasByActor && (this.#held & HELD.byActor) === 0) this.compressed?.reader.goOn();
    if (this.#held === 0) this.stream.resume();
  }
}

Object.defineProperty(Connection.prototype, inspect.custom, {
  value(this: Connection): string {
    return `ActorSocket { ${this.isOpen ? "open" : "closed"}, ${this.request.url} }`;
  },
});

function onData(this: Socket, chunk: Buffer): void {
  (this as Carries)[connectionOf]!.read(chunk);
}

function onEnd(this: Socket): void {
  (this as Carries)[connectionOf]!.streamEnded();
}

function onClose(this: Socket): void {
  (this as Carries)[connectionOf]!.streamClosed();
}

/** `close` follows. */
function ignored(): void {}

/** What may be of the client. */
function unreadOf(mailbox: Mailbox | undefined): { readonly messages: number; readonly bytes: number } {
  let messages = 0;
  let bytes = 0;
  for (const message of mailbox ?? []) {
    if (typeof message !== "string" && !(message instanceof Uint8Array)) continue;
    messages++;
    bytes += message.length;
  }
  return { messages, bytes };
}

/**
 * A small part must not keep a large buffer. And the actor may transfer the buffer: the parser, which reads on behind the message, must
 * not lose what is there.
 */
function ownBytes(data: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = data;
  const isMost = buffer instanceof ArrayBuffer && buffer.byteLength < byteLength * 2;
  return isMost && byteOffset + byteLength === buffer.byteLength
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : Uint8Array.from(data);
}
