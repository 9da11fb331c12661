/**
 * What an instance asks the shared store, what the store answers, and how both are written as bytes.
 *
 *   request   u32 length of the rest | u32 id | u8 op | u8 kind | u16 bytes of the namespace | u16 bytes of the key |
 *             f64 ttlMs | f64 number | namespace | key | value
 *   answer    u32 length of the rest | u32 id | u8 status | u8 kind | u16 unused | f64 ttlMs | f64 number | f64 version | value
 *
 * Little-endian. One form for all operations: a field that an operation does not use is 0. Answers come in any order; the id
 * says whose each is. The first frame of a connection is a `hello`, whose number is VERSION: the app may import another copy of
 * the package than the one that serves it. Its namespace is the process's id, for the log.
 *
 * Messages of channels: a request has the channel's name as its namespace. The answer to `subscribe` has the channel's number in
 * `number`. What nobody asked for, `message` and `gap`, has the form of an answer with the channel's number in `version`, and no id.
 * So the frame of a message is the same for all who get it.
 *
 * Values are bytes that only instances understand (`values.ts`), or numbers, which the store can add to.
 */

/** Raise it with each change of the frames, or of the meaning of a field. */
export const VERSION = 2;

export const OP = {
  hello: 0,
  get: 1,
  set: 2,
  add: 3,
  delete: 4,
  touch: 5,
  increment: 6,
  /** Store (or delete, if the value is `none`) if the entry has still this version. */
  replace: 7,
  clear: 8,
  /** The value, or the right to make it; see store/leases.ts. */
  claim: 9,
  fill: 10,
  release: 11,
  /** To all other connections that subscribe to the channel. */
  publish: 12,
  subscribe: 13,
  unsubscribe: 14,
} as const;

export const STATUS = {
  ok: 0,
  /** There is no such entry, or it has another version. */
  no: 1,
  notANumber: 2,
  tooLarge: 3,
  /** The other side speaks another VERSION, which is in `number`. */
  otherVersion: 4,
  /** A claim: the caller makes the value. `number` is the lease. */
  granted: 5,
  /** No answer: a message of a channel. Its value is what was published. */
  message: 6,
  /** No answer: messages of a channel were dropped here. `number` says how many. */
  gap: 7,
  /** This connection subscribes to too many channels. */
  tooMany: 8,
} as const;

/** A request has a number as eight bytes where other values are. */
export const NUMBER_BYTES = 8;

export const KIND = { none: 0, bytes: 1, number: 2 } as const;

/** No time limit. A ttl is never 0. */
export const NO_TTL = 0;
/** `replace`: keep the time that the entry has. */
export const KEEP_TTL = -1;

export interface Request {
  readonly op: number;
  readonly kind: number;
  readonly namespace: string;
  readonly key: string;
  /** Milliseconds, or NO_TTL, or KEEP_TTL. */
  readonly ttlMs: number;
  /** What is added, the expected version, or the lease. */
  readonly number: number;
  readonly value: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly kind: number;
  /** What is left, or NO_TTL. */
  readonly ttlMs: number;
  /** The value, if its kind is `number`; the lease. */
  readonly number: number;
  readonly version: number;
  readonly value: Buffer;
}

export const NOTHING: Buffer = Buffer.alloc(0);

/** Of a key or of a namespace's name, in UTF-8. */
export const MAX_NAME_BYTES = 1024;
/** In front of the names and the value. */
export const REQUEST_HEAD = 30;
export const ANSWER_HEAD = 36;

/** The largest frame that the store accepts. */
export function maxRequestBytes(maxValueBytes: number): number {
  return REQUEST_HEAD + 2 * MAX_NAME_BYTES + maxValueBytes;
}

export function encodeRequest(id: number, request: Request): Buffer {
  const { op, kind, namespace, key, ttlMs, number, value } = request;
  const namespaceBytes = Buffer.byteLength(namespace);
  const keyBytes = Buffer.byteLength(key);
  const frame = Buffer.allocUnsafe(REQUEST_HEAD + namespaceBytes + keyBytes + value.length);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt32LE(id, 4);
  frame.writeUInt8(op, 8);
  frame.writeUInt8(kind, 9);
  frame.writeUInt16LE(namespaceBytes, 10);
  frame.writeUInt16LE(keyBytes, 12);
  frame.writeDoubleLE(ttlMs, 14);
  frame.writeDoubleLE(number, 22);
  frame.write(namespace, REQUEST_HEAD);
  frame.write(key, REQUEST_HEAD + namespaceBytes);
  value.copy(frame, REQUEST_HEAD + namespaceBytes + keyBytes);
  return frame;
}

/** The value is a view of the frame. undefined: it is no request. */
export function decodeRequest(frame: Buffer): { readonly id: number; readonly request: Request } | undefined {
  if (frame.length < REQUEST_HEAD) return undefined;
  const keyAt = REQUEST_HEAD + frame.readUInt16LE(10);
  const valueAt = keyAt + frame.readUInt16LE(12);
  if (valueAt > frame.length) return undefined;
  const request: Request = {
    op: frame.readUInt8(8),
    kind: frame.readUInt8(9),
    namespace: frame.toString("utf8", REQUEST_HEAD, keyAt),
    key: frame.toString("utf8", keyAt, valueAt),
    ttlMs: frame.readDoubleLE(14),
    number: frame.readDoubleLE(22),
    value: frame.subarray(valueAt),
  };
  return { id: requestId(frame), request };
}

/** Of its first REQUEST_HEAD bytes. */
export function requestId(head: Buffer): number {
  return head.readUInt32LE(4);
}

export function encodeAnswer(id: number, answer: Answer): Buffer {
  const frame = Buffer.allocUnsafe(ANSWER_HEAD + answer.value.length);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt32LE(id, 4);
  frame.writeUInt8(answer.status, 8);
  frame.writeUInt8(answer.kind, 9);
  frame.writeUInt16LE(0, 10);
  frame.writeDoubleLE(answer.ttlMs, 12);
  frame.writeDoubleLE(answer.number, 20);
  frame.writeDoubleLE(answer.version, 28);
  answer.value.copy(frame, ANSWER_HEAD);
  return frame;
}

/** The value is a view of the frame. undefined: it is no answer. */
export function decodeAnswer(frame: Buffer): { readonly id: number; readonly answer: Answer } | undefined {
  if (frame.length < ANSWER_HEAD) return undefined;
  const answer: Answer = {
    status: frame.readUInt8(8),
    kind: frame.readUInt8(9),
    ttlMs: frame.readDoubleLE(12),
    number: frame.readDoubleLE(20),
    version: frame.readDoubleLE(28),
    value: frame.subarray(ANSWER_HEAD),
  };
  return { id: frame.readUInt32LE(4), answer };
}
