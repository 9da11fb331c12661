/** One simulated client: sends requests of one kind, one after the other, and tallies each. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, Client } from "../../src/tune/load/http/client.ts";
import type { Kind, Tally } from "./report.ts";

export interface HttpRequest {
  /** The head, and the body unless it is sent in pieces. */
  readonly bytes: Uint8Array;
  /** Pieces of the body, sent one by one. */
  readonly pieces?: { readonly count: number; readonly bytes: Uint8Array; readonly everyMs: number };
}

export interface RequestKind {
  readonly kind: Kind;
  readonly request: HttpRequest;
  /** RFC 9110 §9.2.2: only such a request may be repeated automatically. */
  readonly idempotent: boolean;
  /** Whether the next request goes over the same connection. */
  readonly reuse: boolean;
  /** The body of a good answer, if known. */
  readonly expectedBody?: string;
}

export interface ClientSettings {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly pauseMs: number;
}

/** Enough for the bodies that are compared. */
const BODY_KEPT = 256;

/** After a failure a client waits, so that a server that is down does not count as many failures as a loop can make. */
const PAUSE_AFTER_FAILURE_MS = 50;

export class HttpClient {
  readonly #what: RequestKind;
  readonly #settings: ClientSettings;
  readonly #tally: Tally;
  #connection: Client | undefined;
  #worker = "";

  constructor(what: RequestKind, settings: ClientSettings, tally: Tally) {
    this.#what = what;
    this.#settings = settings;
    this.#tally = tally;
  }

  get inFlight(): boolean {
    return this.#connection?.busy ?? false;
  }

  /** The worker that serves the connection; "" before the first answer. */
  get worker(): string {
    return this.#worker;
  }

  /** Runs until stopped. The request in flight is finished first. */
  async run(stopped: AbortSignal): Promise<void> {
    const { pauseMs } = this.#settings;
    while (!stopped.aborted) {
      const good = await this.#once();
      const pause = good ? pauseMs : PAUSE_AFTER_FAILURE_MS;
      if (pause > 0) await sleep(pause);
    }
    this.#connection?.close();
  }

  async #once(): Promise<boolean> {
    const { kind, idempotent, reuse, expectedBody } = this.#what;
    const startedAt = performance.now();
    const reused = this.#connection?.usable === true && this.#connection.answered > 0;
    let answer = await this.#send();
    if (!answer.complete && answer.failure === "reset" && reused && idempotent) {
      this.#tally.retried(kind);
      answer = await this.#send();
    }
    if (!reuse) this.#connection?.close();
    if (!answer.complete) {
      this.#tally.failed(kind, answer.failure, answer.detail);
      return false;
    }
    const { status, body } = answer.response;
    this.#worker = answer.response.header("x-worker") ?? "";
    if (status < 200 || status > 299) {
      this.#tally.failed(kind, "badStatus", String(status));
      return false;
    }
    if (expectedBody !== undefined && body !== expectedBody) {
      this.#tally.failed(kind, "malformed", `body ${JSON.stringify(body.slice(0, 40))}, wanted ${expectedBody}`);
      return false;
    }
    this.#tally.ok(kind, performance.now() - startedAt);
    return true;
  }

  #send(): Promise<Answer> {
    const { host, port, timeoutMs } = this.#settings;
    if (this.#connection?.usable !== true) {
      this.#connection = new Client({ host, port }, BODY_KEPT);
      this.#worker = "";
    }
    const { bytes, pieces } = this.#what.request;
    const answer = this.#connection.request(bytes, timeoutMs);
    if (pieces !== undefined) void sendPieces(this.#connection, pieces);
    return answer;
  }
}

async function sendPieces(client: Client, pieces: NonNullable<HttpRequest["pieces"]>): Promise<void> {
  for (let sent = 0; sent < pieces.count; sent++) {
    // Answered before the body was complete, or cut off: the rest is not sent. Uploads don't reuse their connection.
    if (!client.busy) return;
    client.sendMore(pieces.bytes);
    if (sent < pieces.count - 1) await sleep(pieces.everyMs);
  }
}
