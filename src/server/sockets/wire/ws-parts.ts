/**
 * The parts of `ws` that the server uses: the parser of frames, compression, and the parsers of the handshake's headers. They are
 * exported by `ws`, but its documentation and types have only its WebSocket class.
 *
 * A parser takes some 600 bytes, and only has something to remember in the middle of a message. So sockets without compression
 * share parsers: one that is at rest serves the next socket. `isAtRest` reads fields of the parser. A version of `ws` without them
 * would only cost memory: no parser would ever be at rest, and each socket would keep its own. It is the same with the compressors: `ws`
 * keeps those of a socket, some hundred kilobytes, until it ends; here they are given back when both sides of it are at rest.
 *
 * Rejected: the WebSocket class of `ws`. With it an idle socket takes 1.3 KB more, and a broadcast builds each socket's frame anew.
 */
// oxlint-disable no-underscore-dangle -- names of ws

import type { Duplex, Writable } from "node:stream";
import * as ws from "ws";

export interface Parser extends Writable {
  readonly errored: Error | null;
  [parses]?: ParsedBy | undefined;
}

/** Whoever gets what a parser has read. */
export interface ParsedBy {
  message(data: Buffer, isBinary: boolean): void;
  pinged(payload: Buffer): void;
  concluded(code: number, reason: string): void;
}

interface ParserOptions {
  readonly isServer: true;
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
  readonly extensions?: Extensions;
  readonly allowSynchronousEvents: boolean;
}

type Extensions = Readonly<Record<string, Compression>>;

export interface Compression {
  readonly params: object;
  accept(offers: readonly object[]): object;
  cleanup(): void;
}

export interface Sender {
  send(
    data: string | Uint8Array,
    options: { readonly binary: boolean; readonly compress: boolean; readonly fin: true; readonly mask: false },
    sent?: (error?: Error) => void,
  ): void;
  close(code: number | undefined, reason: string, mask: false, sent: (error?: Error | null) => void): void;
  ping(data: string, mask: false): void;
  pong(data: Uint8Array, mask: false): void;
}

interface Parts {
  readonly Receiver: new (options: ParserOptions) => Parser;
  readonly Sender: new (socket: Duplex, extensions: Extensions) => Sender;
  readonly PerMessageDeflate: (new (options: object) => Compression) & { readonly extensionName: string };
  readonly extension: {
    parse(header: string): Readonly<Record<string, object[]>>;
    format(extensions: Readonly<Record<string, object[]>>): string;
  };
}

const { Receiver, Sender: SenderOf, PerMessageDeflate, extension } = ws as unknown as Parts;

const parses: unique symbol = Symbol("heddle.parses");

export interface ParserLimits {
  readonly messageBytes: number;
  readonly fragments: number;
}

/** A message that comes in many tiny pieces must not take a multiple of its size. */
const PIECE_BYTES = 256;
const FEWEST_PIECES = 64;

/** `pieceBytes`: how small its pieces may be. */
function newParser(
  { messageBytes, fragments }: ParserLimits,
  extensions: Extensions | undefined,
  pieceBytes: number = PIECE_BYTES,
): Parser {
  const parser = new Receiver({
    isServer: true,
    maxPayload: messageBytes,
    maxFragments: fragments,
    maxBufferedChunks: Math.max(FEWEST_PIECES, Math.ceil(messageBytes / pieceBytes)),
    // Nobody's code runs at a message: it goes to a mailbox.
    allowSynchronousEvents: true,
    ...(extensions === undefined ? {} : { extensions }),
  });
  parser.on("message", onMessage).on("ping", onPing).on("conclude", onConclude).on("error", ignored);
  return parser;
}

function onMessage(this: Parser, data: Buffer, isBinary: boolean): void {
  this[parses]?.message(data, isBinary);
}

function onPing(this: Parser, payload: Buffer): void {
  this[parses]?.pinged(payload);
}

function onConclude(this: Parser, code: number, reason: Buffer): void {
  this[parses]?.concluded(code, reason.toString());
}

/** Who writes to a parser looks at `errored`. */
function ignored(): void {}

/** The parsers of a kind of socket, on one thread. */
export class Parsers {
  readonly #limits: ParserLimits;
  readonly #idle: Parser[] = [];

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /**
   * Parses the next bytes of a socket, which may have left a parser in the middle of a message. Returns the parser if it is in the
   * middle of one now, or has failed.
   */
  parse(by: ParsedBy, left: Parser | undefined, chunk: Buffer): Parser | undefined {
    const parser = left ?? this.#idle.pop() ?? newParser(this.#limits, undefined);
    parser[parses] = by;
    parser.write(chunk);
    if (!isAtRest(parser)) return parser;
    parser[parses] = undefined;
    this.#idle.push(parser);
    return undefined;
  }

  /** Of a socket with compression, which cuts what comes into pieces of `pieceBytes`, and what is left of a packet. */
  own(by: ParsedBy, compression: Compression, pieceBytes: number): Parser {
    const smallest = Math.min(PIECE_BYTES, pieceBytes / 2);
    const parser = newParser(this.#limits, { [PerMessageDeflate.extensionName]: compression }, smallest);
    parser[parses] = by;
    return parser;
  }
}

interface Inside {
  readonly _state?: number;
  readonly _bufferedBytes?: number;
  readonly _fragmented?: number;
}

/** It has nothing to remember. */
export function isAtRest(parser: Parser): boolean {
  const { _state, _bufferedBytes, _fragmented } = parser as Inside;
  return _state === 0 && _bufferedBytes === 0 && _fragmented === 0 && parser.errored === null && !parser.writableEnded;
}

/** What waits to be compressed. */
export function unsentBytes(sender: Sender): number {
  const { _bufferedBytes = 0 } = sender as { readonly _bufferedBytes?: number };
  return _bufferedBytes;
}

/** Nothing is being compressed, nor waits for that. */
export function isSenderAtRest(sender: Sender): boolean {
  const { _state, _queue } = sender as { readonly _state?: number; readonly _queue?: readonly unknown[] };
  return _state === 0 && _queue?.length === 0;
}

export function newSender(socket: Duplex, compression: Compression): Sender {
  return new SenderOf(socket, { [PerMessageDeflate.extensionName]: compression });
}

/** The code with which a socket is closed whose client has broken a rule. */
export function codeOf(error: Error): number {
  const { code } = error as { code?: unknown };
  switch (code) {
    case "WS_ERR_INVALID_UTF8":
      return 1007;
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
      return 1009;
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return 1008;
    default:
      // What zlib cannot read is not consistent with the message's type (RFC 6455 §7.4.1).
      return typeof code === "string" && code.startsWith("Z_") ? 1007 : 1002;
  }
}

export interface CompressionLimits {
  readonly thresholdBytes: number;
  readonly windowBits: number;
  readonly messageBytes: number;
}

/**
 * What of the client's offers is accepted, and the header that says so. Undefined: none, or none that fits (RFC 7692 §5.1).
 *
 * @throws the header is malformed
 */
export function acceptCompression(
  header: string,
  { thresholdBytes, windowBits, messageBytes }: CompressionLimits,
): { readonly compression: Compression; readonly header: string } | undefined {
  const { extensionName } = PerMessageDeflate;
  const offers = extension.parse(header)[extensionName];
  if (offers === undefined) return undefined;
  const compression = new PerMessageDeflate({
    isServer: true,
    maxPayload: messageBytes,
    threshold: thresholdBytes,
    serverMaxWindowBits: windowBits,
    // Without context a socket has no compressor while it is idle.
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
  });
  try {
    compression.accept(offers);
  } catch {
    return undefined;
  }
  return { compression, header: extension.format({ [extensionName]: [compression.params] }) };
}
