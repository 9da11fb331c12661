/**
 * Plays a script to a server, and reports what came. Every wait is bounded: a server that sends nothing for that long is
 * silent.
 */

import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { closes, type IdOf, type Observed } from "./judge.ts";
import { type Rendered, render } from "./render.ts";
import { MalformedResponse, ResponseStream } from "./response-stream.ts";
import { type Cut, type RequestSpec, type Script, sentOf } from "./script.ts";

/** Longer than any of the server's own time limits while it is fuzzed, on a busy machine. */
const PATIENCE_MS = 40_000;
/** Half of what the server allows between the last byte and the end of a client that is still there. */
const LATE_MS = 10;
const TURN_MS = 5;
/** A machine that was busy just now may have stopped the server while it read the last bytes. */
const BUSY_FOR_MS = 100;

let turnedMs = performance.now();
let busyUntilMs = 0;
setInterval(() => {
  const nowMs = performance.now();
  if (nowMs - turnedMs > TURN_MS + LATE_MS) busyUntilMs = nowMs + BUSY_FOR_MS;
  turnedMs = nowMs;
}, TURN_MS).unref();

export interface Target {
  readonly port: number;
  readonly isTls: boolean;
}

export async function play(target: Target, script: Script, idOf: IdOf): Promise<Observed> {
  const client = new Client(target, script);
  try {
    return await client.play(idOf);
  } finally {
    client.leave();
  }
}

class Client {
  readonly #script: Script;
  readonly #isTls: boolean;
  readonly #socket: Socket;
  readonly #stream: ResponseStream;
  #state: "open" | "ended" | "reset" = "open";
  #broken: string | undefined;
  #wake: (() => void) | undefined;
  #isSilent = false;
  #isConnected = false;
  /** When the last bytes were written, at the earliest, and the end after them, at the latest. */
  #putMs = 0;
  #finishedMs = 0;
  /** Told soon after its end. What happens much later does not count. */
  #wasLate: boolean | undefined;

  constructor({ port, isTls }: Target, script: Script) {
    this.#script = script;
    this.#stream = new ResponseStream((index) => script.requests[index]?.method ?? "GET");
    const tcp = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.#isTls = isTls;
    this.#socket = isTls ? connectTls({ socket: tcp, rejectUnauthorized: false }) : tcp;
    this.#socket.on(isTls ? "secureConnect" : "connect", () => {
      this.#isConnected = true;
      this.#wake?.();
    });
    this.#socket.on("data", (chunk: Buffer) => this.#take(() => this.#stream.push(chunk)));
    this.#socket.on("finish", () => this.#finished());
    this.#socket.on("end", () => this.#close("ended"));
    this.#socket.on("error", (error: NodeJS.ErrnoException) => {
      if (!this.#isConnected) this.#broken ??= `no connection: ${error.message}`;
      this.#close("reset");
    });
    this.#socket.on("close", () => this.#close("reset"));
  }

  leave(): void {
    this.#socket.destroy();
  }

  async play(idOf: IdOf): Promise<Observed> {
    const { requests, end, readsAfterMs } = this.#script;
    await this.#until(() => this.#isConnected);
    if (readsAfterMs > 0) this.#readLater(readsAfterMs);
    for (const [index, spec] of requests.entries()) {
      if (spec.waits) await this.#until(() => this.#answered >= index || this.#isOver);
      if (this.#isOver) break;
      const isLast = index === requests.length - 1;
      const rendered = render(spec, idOf(index));
      if (isLast && (end.kind === "breaks off" || end.kind === "vanishes" || end.kind === "garbles"))
        await this.#sendOddly(spec, rendered);
      else await this.#send(spec, rendered, index);
    }
    return await this.#finish();
  }

  async #finish(): Promise<Observed> {
    const { requests, end } = this.#script;
    if (end.kind === "vanishes") {
      this.#reset();
      return this.#observed("left");
    }
    const isAllSent = end.kind === "half-closes" || end.kind === "garbles";
    if (isAllSent || (end.kind === "breaks off" && end.next === "half-closes")) this.#socket.end();
    if (end.kind === "waits" || end.kind === "resets") {
      await this.#until(() => this.#answered >= requests.length || this.#isOver);
      if (end.kind === "resets" && !this.#isOver) {
        this.#reset();
        return this.#observed("left");
      }
      // What the server has to close it closes by itself.
      if (!this.#isOver) this.#socket.end();
    }
    await this.#until(() => false);
    return this.#observed(this.#state === "open" ? "silent" : this.#state);
  }

  /** The head and the body, or the head first when the client waits for leave to send its body. */
  async #send(spec: RequestSpec, { head, body }: Rendered, index: number): Promise<void> {
    if (spec.expect !== "waits" || spec.fault !== undefined) {
      await this.#write(Buffer.concat([head, body]), spec.cuts);
      return;
    }
    await this.#write(head, spec.cuts);
    const isLet = (): boolean => this.#answered === index && this.#stream.interim > 0;
    await this.#until(() => this.#answered > index || isLet() || this.#isOver);
    if (!this.#isOver) await this.#write(body, spec.cuts);
  }

  async #sendOddly({ cuts }: RequestSpec, { head, body }: Rendered): Promise<void> {
    const { end } = this.#script;
    const bytes = Buffer.concat([head, body]);
    if (end.kind === "garbles") bytes[Math.floor(end.at * head.length)] = end.byte;
    if (end.kind !== "breaks off" && end.kind !== "vanishes") return await this.#write(bytes, cuts);
    await this.#write(bytes.subarray(0, sentOf(bytes.length, end.at)), cuts);
  }

  async #write(bytes: Buffer, cuts: readonly Cut[]): Promise<void> {
    let from = 0;
    for (const { at, pauseMs } of [...cuts].sort((a, b) => a.at - b.at)) {
      const to = Math.floor(at * bytes.length);
      this.#put(bytes.subarray(from, to));
      from = to;
      if (pauseMs === 0) await turn();
      else await sleep(pauseMs);
    }
    this.#put(bytes.subarray(from));
  }

  /** Bytes that follow at once leave in one write. */
  #put(bytes: Buffer): void {
    if (bytes.length === 0 || !this.#socket.writable) return;
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      setImmediate(() => this.#socket.uncork());
    }
    this.#putMs = performance.now();
    this.#socket.write(bytes);
  }

  #reset(): void {
    // Node can reset TCP only.
    if (this.#isTls) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #readLater(ms: number): void {
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), ms);
  }

  #finished(): void {
    this.#finishedMs = performance.now();
    setTimeout(() => (this.#wasLate = this.#isLate()), BUSY_FOR_MS).unref();
  }

  #isLate(): boolean {
    if (this.#wasLate !== undefined) return this.#wasLate;
    if (this.#finishedMs === 0) return false;
    return this.#finishedMs - this.#putMs > LATE_MS || this.#finishedMs < busyUntilMs;
  }

  /** It ends its side while answers are due. */
  get #halfCloses(): boolean {
    const { end } = this.#script;
    return end.kind === "half-closes" || end.kind === "garbles" || end.kind === "breaks off";
  }

  get #answered(): number {
    return this.#stream.responses.length;
  }

  /** Nothing more is to be sent or waited for, but the end of the connection. */
  get #isOver(): boolean {
    const last = this.#stream.responses.at(-1);
    if (this.#state !== "open" || this.#isSilent || this.#broken !== undefined) return true;
    return last !== undefined && closes(this.#script.requests[this.#answered - 1], last);
  }

  #observed(end: Observed["end"]): Observed {
    // What has come of a response until the client went is told as well.
    if (end === "left") this.#close("reset");
    const endedLate = this.#isLate() && this.#halfCloses;
    const outlastedMs = this.#finishedMs === 0 ? undefined : performance.now() - this.#finishedMs;
    return { responses: this.#stream.responses, end, broken: this.#broken, endedLate, outlastedMs };
  }

  #take(read: () => void): void {
    try {
      if (this.#broken === undefined) read();
    } catch (error) {
      if (!(error instanceof MalformedResponse)) throw error;
      this.#broken = `not HTTP after ${this.#answered} responses: ${error.message}`;
      this.#socket.destroy();
    }
    this.#wake?.();
  }

  #close(how: "ended" | "reset"): void {
    if (this.#state !== "open") return;
    this.#state = how;
    this.#take(() => this.#stream.end(how === "ended"));
  }

  /** Until it is so, or the connection has ended, or is silent for too long. */
  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && this.#state === "open" && !this.#isSilent) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(() => {
          this.#isSilent = true;
          resolve();
        }, PATIENCE_MS);
      });
      clearTimeout(timer);
    }
    this.#wake = undefined;
  }
}
