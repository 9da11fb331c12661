/**
 * One simulated WebSocket: sends a numbered message every 100 ms and expects it back.
 *
 * A polite close by the server (1001, or 1012 "service restart") is not a failure if the next connection succeeds; the message
 * on its way is then sent again. Any other end of the connection is a failure.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { Failure, Tally } from "./report.ts";

const POLITE_CLOSES: ReadonlySet<number> = new Set([1001, 1012]);
const MESSAGE_EVERY_MS = 100;
const PAUSE_AFTER_FAILURE_MS = 50;

type End =
  | { readonly how: "stopped" | "polite" }
  | { readonly how: "failed"; readonly failure: Failure; readonly detail: string };

export class WebSocketClient {
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #tally: Tally;
  #waiting = false;

  constructor(url: string, timeoutMs: number, tally: Tally) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#tally = tally;
  }

  get inFlight(): boolean {
    return this.#waiting;
  }

  /** An echo does not name its sender. */
  readonly worker = "";

  async run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      const end = await this.#oneConnection(stopped);
      this.#waiting = false;
      if (end.how === "polite") this.#tally.goingAway("webSockets");
      if (end.how === "failed") {
        this.#tally.failed("webSockets", end.failure, end.detail);
        await sleep(PAUSE_AFTER_FAILURE_MS);
      }
    }
  }

  async #oneConnection(stopped: AbortSignal): Promise<End> {
    const socket = new WebSocket(this.#url, { handshakeTimeout: this.#timeoutMs, perMessageDeflate: false });
    const { promise, resolve } = Promise.withResolvers<End>();
    const fail = (failure: Failure, detail: string): void => resolve({ how: "failed", failure, detail });
    let opened = false;
    let error: NodeJS.ErrnoException | undefined;
    let number = 0;
    let sentAt = 0;
    let timer: NodeJS.Timeout | undefined;
    const send = (): void => {
      if (stopped.aborted) {
        resolve({ how: "stopped" });
        return;
      }
      this.#waiting = true;
      sentAt = performance.now();
      socket.send(String(++number));
      timer = setTimeout(() => fail("timeout", `no echo after ${this.#timeoutMs} ms`), this.#timeoutMs);
    };
    socket.on("open", () => {
      opened = true;
      send();
    });
    socket.on("message", (data: Buffer) => {
      clearTimeout(timer);
      this.#waiting = false;
      if (data.toString() !== String(number)) return fail("malformed", `echo ${data.toString()}, wanted ${number}`);
      this.#tally.ok("webSockets", performance.now() - sentAt);
      timer = setTimeout(send, MESSAGE_EVERY_MS);
    });
    socket.on("error", (raised) => {
      error = raised;
    });
    socket.on("close", (code) => {
      if (opened && POLITE_CLOSES.has(code)) resolve({ how: "polite" });
      else if (opened && code === 1006) fail("cut", error?.code ?? "closed without a close frame");
      else if (opened) fail("badStatus", `close code ${code}`);
      else fail(handshakeFailure(error), error?.message ?? `close code ${code}`);
    });
    const end = await promise;
    clearTimeout(timer);
    if (end.how === "stopped") socket.close(1000);
    else socket.terminate();
    return end;
  }
}

function handshakeFailure(error: NodeJS.ErrnoException | undefined): Failure {
  if (error?.code === "ECONNREFUSED") return "refused";
  if (error?.message.startsWith("Unexpected server response") === true) return "badStatus";
  return error?.message.includes("timed out") === true ? "timeout" : "reset";
}
