/** A scenario made ready to send: the bytes of every request, which statuses are good answers, and the order of the requests. */
import { isExpected, type Scenario, type ScenarioRequest } from "../scenario/types.ts";
import type { Target } from "./connection.ts";

export interface ReadyRequest {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isHead: boolean;
  /** RFC 9110 §9.2.2: only such a request may be repeated automatically. */
  readonly isIdempotent: boolean;
  /** 1 at the index of each status that is a good answer. */
  readonly good: Uint8Array;
}

/** What setup requests captured, by name. */
export type Captured = Readonly<Record<string, string>>;

/** `closing`: asks the server to close the connection after its answer. */
export function readyRequest(
  request: ScenarioRequest,
  target: Target,
  captured: Captured = {},
  closing = false,
): ReadyRequest {
  const body = request.body === undefined ? undefined : withCapturedBytes(request.body, captured);
  const fields = new Map<string, string>([["host", hostOf(target)]]);
  for (const [name, value] of Object.entries(request.headers)) {
    fields.set(name.toLowerCase(), withCaptured(value, captured));
  }
  if (body !== undefined) fields.set("content-length", String(body.length));
  else if (request.method !== "GET" && request.method !== "HEAD") fields.set("content-length", "0");
  if (closing) fields.set("connection", "close");
  const lines = [`${request.method} ${withCaptured(request.path, captured)} HTTP/1.1`];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return {
    name: request.name,
    bytes: body === undefined ? head : Buffer.concat([head, body]),
    isHead: request.method === "HEAD",
    isIdempotent: request.method !== "POST" && request.method !== "PATCH",
    good: Uint8Array.from({ length: 1000 }, (_, status) => (isExpected(status, request.expect) ? 1 : 0)),
  };
}

function hostOf({ host, port, tls, unix }: Target): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return unix !== undefined || port === (tls === true ? 443 : 80) ? name : `${name}:${port}`;
}

function withCaptured(text: string, captured: Captured): string {
  return text.replace(/\{\{\s*([\w-]+)\s*\}\}/g, (placeholder, name: string) => captured[name] ?? placeholder);
}

function withCapturedBytes(body: Uint8Array, captured: Captured): Uint8Array {
  if (Object.keys(captured).length === 0 || !body.includes(0x7b)) return body;
  return Buffer.from(withCaptured(Buffer.from(body).toString("latin1"), captured), "latin1");
}

/** More entries make the shares more exact; this many are within 0.1 %. */
const LARGEST_DECK = 1000;

/**
 * A deck of request numbers in which each stands as often as its weight says. It is shuffled anew each time it was dealt: the
 * shares are exact, and no request always follows the same other one.
 */
export class Deck {
  readonly #cards: number[];
  readonly #random: () => number;
  #next: number;

  constructor(weights: readonly number[], random: () => number = Math.random) {
    this.#cards = cardsOf(weights);
    this.#random = random;
    this.#next = this.#cards.length;
  }

  deal(): number {
    if (this.#cards.length === 1) return this.#cards[0]!;
    if (this.#next === this.#cards.length) this.#shuffle();
    return this.#cards[this.#next++]!;
  }

  #shuffle(): void {
    const cards = this.#cards;
    for (let index = cards.length - 1; index > 0; index--) {
      const other = Math.floor(this.#random() * (index + 1));
      [cards[index], cards[other]] = [cards[other]!, cards[index]!];
    }
    this.#next = 0;
  }
}

function cardsOf(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const whole = weights.every((weight) => Number.isInteger(weight)) && sum <= LARGEST_DECK;
  const scale = whole ? 1 : LARGEST_DECK / sum;
  const cards = weights.flatMap((weight, index) =>
    Array<number>(weight > 0 ? Math.max(1, Math.round(weight * scale)) : 0).fill(index),
  );
  if (new Set(cards).size === 1) return cards.slice(0, 1);
  return cards;
}

export function deckOf(scenario: Scenario): Deck {
  return new Deck(scenario.requests.map(({ weight }) => weight));
}
