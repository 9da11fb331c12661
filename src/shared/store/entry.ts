/** One entry of the store: its value, its time, and its places in the order of use and in the timer wheel. */

import type { Linked } from "../../kit/linked-list.ts";
import type { Deadline } from "../../kit/timer-wheel.ts";
import { KIND, NOTHING, NUMBER_BYTES } from "../protocol.ts";

/**
 * A small value is kept as a string of bytes: an ArrayBuffer takes some 400 bytes beside its content, and a slice of Node's
 * pool keeps 8 KiB of neighbours alive.
 */
const SMALL_BYTES = 4096;
/** Of an entry without its names and value: the object, its places in maps and lists. Measured: see docs/decisions/shared.md. */
export const ENTRY_BYTES = 256;

export type Content = number | string | Buffer;

/** A copy: `value` is a view of what came from a socket. */
export function contentOf(kind: number, value: Buffer): Content {
  if (kind === KIND.number && value.length === NUMBER_BYTES) return value.readDoubleLE(0);
  if (value.length <= SMALL_BYTES) return value.toString("latin1");
  const copy = Buffer.allocUnsafeSlow(value.length);
  value.copy(copy);
  return copy;
}

export function bytesOf(content: Content): Buffer {
  if (typeof content === "number") return NOTHING;
  return typeof content === "string" ? Buffer.from(content, "latin1") : content;
}

export class Entry implements Linked<Entry>, Deadline {
  readonly namespace: string;
  readonly key: string;
  content: Content;
  /** monotonicMs, or Infinity. */
  expiresMs: number = Infinity;
  /** Changes with each change of the value. */
  version: number = 0;
  isStored: boolean = true;
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;
  dueTick: number = 0;
  previousDue: Deadline | undefined = undefined;
  nextDue: Deadline | undefined = undefined;
  readonly #onExpired: (entry: Entry) => void;

  constructor(namespace: string, key: string, content: Content, onExpired: (entry: Entry) => void) {
    this.namespace = namespace;
    this.key = key;
    this.content = content;
    this.#onExpired = onExpired;
  }

  get isCounter(): boolean {
    return typeof this.content === "number";
  }

  /** What it counts as. */
  get bytes(): number {
    return costOf(this.namespace, this.key, this.content);
  }

  expire(): void {
    this.#onExpired(this);
  }
}

export function costOf(namespace: string, key: string, content: Content): number {
  return ENTRY_BYTES + namespace.length + key.length + (typeof content === "number" ? 0 : content.length);
}
