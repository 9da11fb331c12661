/**
 * The connection of this worker to the arbiter, through which its actors talk with those of other workers. The root has it; the
 * other end is `server/arbiter/actors/meeting-connection.ts`.
 *
 *   connecting ─▶ in            hello, welcome
 *        └──────▶ alone         refused: this process is no worker, or another thread of it is in already
 *   in ─────────▶ alone         the connection broke: the arbiter has ended, and soon this worker does
 *
 * Invariants
 * - It never keeps the thread alive.
 * - A worker that is alone is the whole program, as without a server: it knows no others, and each name is free.
 * - What has come from a worker is handed on before the news that it has ended.
 */

import { connect, type Socket } from "node:net";
import { count } from "../../errors/count.ts";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { FrameReader } from "../../kit/bytes/frame-reader.ts";
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  KIND,
  MAX_CLAIM_BYTES,
  MAX_FRAME_BYTES,
  MAY,
  VERSION,
  WHY,
} from "./protocol.ts";
import { type Seat, workerOf } from "./thread-numbers.ts";

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2000;

export interface WorkerLinkEvents {
  /** Another worker came in, or has ended. */
  readonly added: (worker: number) => void;
  readonly gone: (worker: number) => void;
  /** A `data` or `credit` frame for a thread of this worker. `bytes`: all of it, a view of what was read. */
  readonly passed: (frame: Frame, bytes: Buffer) => void;
  /** A registration that has waited holds its name now. */
  readonly promoted: (name: string) => void;
  /** What has come at once was told. */
  readonly drained: () => void;
}

type State = "connecting" | "in" | "alone";

interface Claim {
  readonly name: string;
  readonly may: number;
  readonly answered: (number: number) => void;
}

export class WorkerLink {
  readonly #seat: Seat;
  readonly #events: WorkerLinkEvents;
  #state: State = "connecting";
  #socket: Socket | undefined;
  #reader = new FrameReader(MAX_FRAME_BYTES);
  readonly #others = new Set<number>();
  readonly #claims = new Map<number, Claim>();
  /** Registrations that wait. */
  readonly #waiting = new Set<number>();
  #lastClaim = 0;
  #lastNumber = 0;
  #retryMs = FIRST_RETRY_MS;

  constructor(seat: Seat, events: WorkerLinkEvents) {
    this.#seat = seat;
    this.#events = events;
    this.#connect();
  }

  /** Frames for other workers. One that does not exist, or no longer, is told as gone. */
  send(frames: Buffer): void {
    if (this.#state === "in") return void this.#socket!.write(frames);
    const reader = new FrameReader(MAX_FRAME_BYTES);
    reader.push(frames);
    for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next()) {
      const frame = bytes === "too-large" ? undefined : decodeFrame(bytes);
      if (frame !== undefined) this.#events.gone(workerOf(frame.a));
    }
  }

  /**
   * The number of the registration, or 0: the name is taken. It may wait (`waits`) behind another one, if `may` (MAY) says so. Not
   * answered before it is known who else there is.
   */
  claim(name: string, may: number): Promise<number> {
    if (this.#state === "alone") return Promise.resolve(this.#numberAlone(may));
    if (Buffer.byteLength(name) > MAX_CLAIM_BYTES) return Promise.reject(tooLong(name));
    const { promise, resolve } = Promise.withResolvers<number>();
    const id = ++this.#lastClaim;
    const claim = { name, may, answered: resolve };
    this.#claims.set(id, claim);
    if (this.#state === "in") this.#ask(id, claim);
    return promise;
  }

  /** Others than this worker do not know the registration, until it is promoted. */
  waits(number: number): boolean {
    return this.#waiting.has(number);
  }

  /** Nobody here has the name any more. */
  release(name: string, number: number): void {
    this.#waiting.delete(number);
    if (this.#state === "in") this.#socket!.write(encodeFrame(KIND.release, number, 0, Buffer.from(name)));
  }

  #ask(id: number, { name, may }: Claim): void {
    this.#socket!.write(encodeFrame(KIND.claim, id, 0, Buffer.from(name), may));
  }

  /** There is nobody who would say later that it waits no longer. */
  #numberAlone(may: number): number {
    return (may & MAY.followOwn) === 0 ? ++this.#lastNumber : 0;
  }

  #connect(): void {
    const { path, worker } = this.#seat;
    this.#reader = new FrameReader(MAX_FRAME_BYTES);
    const socket = connect({ path });
    this.#socket = socket;
    socket.unref();
    let why: string | undefined;
    socket.on("error", (error) => (why = messageOf(error)));
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.once("close", () => this.#closed(why));
    socket.write(encodeFrame(KIND.hello, worker, process.pid, undefined, VERSION));
  }

  #receive(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let bytes = this.#reader.next(); bytes !== undefined; bytes = this.#reader.next()) {
      const frame = bytes === "too-large" ? undefined : decodeFrame(bytes);
      if (frame === undefined) return void this.#socket!.destroy();
      this.#obey(frame, bytes as Buffer);
    }
    this.#events.drained();
  }

  #obey(frame: Frame, bytes: Buffer): void {
    const { kind, flag, a, b, rest } = frame;
    switch (kind) {
      case KIND.data:
      case KIND.credit:
        return this.#events.passed(frame, bytes);
      case KIND.welcome:
        this.#state = "in";
        this.#retryMs = FIRST_RETRY_MS;
        for (const [id, claim] of this.#claims) this.#ask(id, claim);
        return;
      case KIND.refused:
        return this.#refused(a);
      case KIND.added:
        this.#others.add(a);
        return this.#events.added(a);
      case KIND.gone:
        this.#others.delete(a);
        return this.#events.gone(a);
      case KIND.claimed:
        if (flag !== 0) this.#waiting.add(b);
        this.#claims.get(a)?.answered(b);
        return void this.#claims.delete(a);
      case KIND.promoted:
        // It may have been released in the meantime.
        if (this.#waiting.delete(a)) this.#events.promoted(rest.toString());
        return;
      case KIND.check:
        return void this.#socket!.write(encodeFrame(KIND.checked, a));
    }
  }

  #refused(why: number): void {
    this.#beAlone();
    if (why === WHY.version) warn("the server runs another version of heddle than the app imports");
  }

  #closed(why: string | undefined): void {
    if (this.#state === "alone") return;
    if (this.#state === "in") {
      this.#beAlone();
      return;
    }
    // The arbiter had no descriptors left, or it ends.
    const timer = setTimeout(() => this.#connect(), this.#retryMs);
    timer.unref();
    if (this.#retryMs === FIRST_RETRY_MS) warn(why ?? "the server closed the connection");
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  #beAlone(): void {
    this.#state = "alone";
    for (const { answered, may } of this.#claims.values()) answered(this.#numberAlone(may));
    this.#claims.clear();
    this.#waiting.clear();
    for (const worker of this.#others) this.#events.gone(worker);
    this.#others.clear();
  }
}

function warn(why: string): void {
  process.emitWarning(`the actors of this worker do not reach those of other workers: ${why}.`, {
    type: "HeddleWarning",
    code: "ACTORS_ALONE",
  });
}

function tooLong(name: string): HeddleError {
  return new HeddleError(
    "NAME_REFUSED",
    `a name of ${count(Buffer.byteLength(name), "byte")} cannot be registered: it may have at most ${MAX_CLAIM_BYTES}.`,
  );
}
