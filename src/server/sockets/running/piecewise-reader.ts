/**
 * Gives what came of a socket with compression to its parser in small pieces, each when the last one is parsed and its messages are
 * inflated, and none while the actor has too much to read.
 *
 *   chunk of the socket ─▶ rest ─▶ piece ─▶ parser of `ws` ─▶ messages ─▶ mailbox
 *
 * Without that one chunk of 64 KiB, which was read before anything could be held back, may become 64 MiB in the mailbox: deflate makes up
 * to 1032 bytes of one. A piece is so small that it becomes no more than about `unreadBytes`; beside it there is only the rest of a
 * message that had begun, which `messageBytes` bounds.
 */

import { isAtRest, type Parser } from "../wire/ws-parts.ts";

/** How many bytes deflate makes of one, at most. */
const MOST_INFLATED = 1032;
/** A piece costs a turn of the parser. */
const MIN_PIECE = 64;

export function pieceBytesFor(unreadBytes: number): number {
  return Math.max(MIN_PIECE, Math.floor(unreadBytes / MOST_INFLATED));
}

export interface ReaderOptions {
  readonly pieceBytes: number;
  /** Whether its actor has too much to read. */
  readonly isHeld: () => boolean;
  /** All that it was given is parsed. */
  readonly drained: () => void;
  readonly failed: (error: Error) => void;
}

export class PiecewiseReader {
  readonly #parser: Parser;
  readonly #options: ReaderOptions;
  #rest: Buffer | undefined = undefined;
  #isParsing = false;
  #whenClosed: (() => void) | undefined = undefined;

  constructor(parser: Parser, options: ReaderOptions) {
    this.#parser = parser;
    this.#options = options;
    parser.on("error", options.failed);
  }

  /** What it was given is being parsed, or waits for that: `drained` or `failed` follows, unless it is stopped. */
  get isBusy(): boolean {
    return this.#isParsing || this.#rest !== undefined;
  }

  /** It is in the middle of no message. */
  get isAtRest(): boolean {
    return !this.isBusy && isAtRest(this.#parser);
  }

  /** Of the socket, which is to be held back while this returns false. */
  write(chunk: Buffer): boolean {
    this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.goOn();
    return this.#rest === undefined;
  }

  /** Its actor has read. */
  goOn(): void {
    while (this.#rest !== undefined && !this.#isParsing && !this.#options.isHeld()) {
      const piece = this.#rest.subarray(0, this.#options.pieceBytes);
      this.#rest = piece.length === this.#rest.length ? undefined : this.#rest.subarray(piece.length);
      this.#isParsing = true;
      this.#parser.write(piece, this.#parsed);
    }
  }

  /** Nothing more is parsed. */
  stop(): void {
    this.#rest = undefined;
  }

  /** The same. `then`: called when nothing is inflated any more. What inflates must not be taken away before. */
  close(then: () => void): void {
    this.stop();
    if (this.#isParsing) this.#whenClosed = then;
    else then();
  }

  readonly #parsed = (error?: Error | null): void => {
    this.#isParsing = false;
    this.#whenClosed?.();
    // `failed` is told.
    if (error) return this.stop();
    this.goOn();
    if (this.#rest === undefined && !this.#isParsing) this.#options.drained();
  };
}
