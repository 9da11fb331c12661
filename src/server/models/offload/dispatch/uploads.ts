/**
 * Requests whose body has not arrived, before they get a handler thread. So a slow upload holds no thread.
 *
 *   the body is complete   → ready
 *   nothing arrives        → ready, if one of the pool's places for uploads is free
 *   the buffer is full     → takes such a place, or waits for one → ready
 *
 * The body is collected in the request's own buffer, up to `--body-buffer` for each request, and up to `--body-memory` for all
 * requests of this serving thread. Beyond that, a request has only node:http's default buffer, and its client is paused when
 * that is full. The handler reads a larger body as it arrives, which takes as long as the client likes. So at most all but
 * one of the pool's threads do that at a time. A client that waits for an answer before it sends more gets a thread so too.
 *
 * Invariants
 * - A request is made ready at most once, and never after it was refused or abandoned.
 * - Its place and its memory are given back when the exchange ends.
 */

import type { ArrivingBody, HandledExchange } from "../../handled-exchange.ts";
import type { Places } from "../../model.ts";

/** If nothing arrives for this long, the client has paused. */
const PAUSE_MS = 300;

export interface UploadsOptions {
  readonly bufferBytes: number;
  readonly memoryBytes: number;
  readonly places: Places;
  /** It waited too long for a place, or too many wait. */
  readonly shed: (exchange: HandledExchange, code: "OVERLOADED" | "QUEUE_TIMEOUT") => void;
}

interface Upload {
  readonly exchange: HandledExchange;
  readonly body: ArrivingBody;
  readonly reservedBytes: number;
  readonly ready: () => void;
  state: "collecting" | "waiting for a place" | "ready";
  holdsPlace: boolean;
  seenBytes: number;
  arrivedMs: number;
}

/** How many requests of a pool may run while their body arrives. */
export function uploadPlaces(threads: number): number {
  return Math.max(1, threads - 1);
}

export class Uploads {
  readonly #options: UploadsOptions;
  /** Requests that are not ready. */
  readonly #uploads = new Set<Upload>();
  #reservedBytes = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Calls `ready` when the request may have a handler thread: at once if there is no body to wait for. */
  collect(exchange: HandledExchange, ready: () => void): void {
    const { body } = exchange;
    const { bufferBytes } = this.#options;
    if (body === undefined || exchange.req.complete || bufferBytes === 0) return ready();
    // The app decides whether the body may come at all.
    if (exchange.expects !== undefined) return ready();
    const reservedBytes = this.#reserve(exchange);
    const nowMs = performance.now();
    const started = { state: "collecting", holdsPlace: false, seenBytes: 0, arrivedMs: nowMs } as const;
    const upload: Upload = { exchange, body, reservedBytes, ready, ...started };
    this.#uploads.add(upload);
    exchange.state = "queued";
    exchange.onEnded = () => this.#ended(upload);
    body.collect(reservedBytes, () => this.#look(upload));
    // The buffer filled while the request waited for its turn: no further arrival would trigger `#look`.
    if (body.isFull) this.#takePlace(upload);
  }

  /** Makes requests ready whose client has paused. */
  sweep(nowMs: number): void {
    for (const upload of this.#uploads) {
      const { bytes } = upload.body;
      if (bytes !== upload.seenBytes) {
        upload.seenBytes = bytes;
        upload.arrivedMs = nowMs;
      } else if (upload.state === "collecting" && nowMs - upload.arrivedMs > PAUSE_MS) {
        this.#tryPlace(upload);
      }
    }
    this.#options.places.sweep(nowMs);
  }

  /** More of its body has arrived. */
  #look(upload: Upload): void {
    if (upload.exchange.req.complete) this.#makeReady(upload);
    else if (upload.state === "collecting" && upload.body.isFull) this.#takePlace(upload);
  }

  #tryPlace(upload: Upload): boolean {
    upload.holdsPlace = this.#options.places.tryEnter();
    if (upload.holdsPlace) this.#makeReady(upload);
    return upload.holdsPlace;
  }

  #takePlace(upload: Upload): void {
    if (this.#tryPlace(upload)) return;
    const { places, shed } = this.#options;
    const { exchange } = upload;
    upload.state = "waiting for a place";
    const isWaiting = places.enqueue(exchange, performance.now(), (end) => {
      upload.holdsPlace = end === "admitted";
      if (upload.holdsPlace) this.#makeReady(upload);
      else shed(exchange, "QUEUE_TIMEOUT");
    });
    if (!isWaiting) shed(exchange, "OVERLOADED");
  }

  #makeReady(upload: Upload): void {
    const { exchange, body, ready } = upload;
    if (upload.state === "waiting for a place" && !upload.holdsPlace) this.#options.places.forget(exchange);
    upload.state = "ready";
    this.#uploads.delete(upload);
    body.handOver();
    if (exchange.refusal === undefined && !exchange.aborted) ready();
  }

  #ended(upload: Upload): void {
    this.#uploads.delete(upload);
    this.#reservedBytes -= upload.reservedBytes;
    if (upload.holdsPlace) this.#options.places.release();
    else this.#options.places.forget(upload.exchange);
  }

  #reserve({ req }: HandledExchange): number {
    const { bufferBytes, memoryBytes } = this.#options;
    const declared = Number(req.headers["content-length"] ?? bufferBytes);
    const wanted = Math.min(declared, bufferBytes);
    const granted = this.#reservedBytes + wanted <= memoryBytes ? wanted : 0;
    this.#reservedBytes += granted;
    return granted;
  }
}
