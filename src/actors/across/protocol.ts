/**
 * The frames between a worker and the arbiter, through which the actors of several workers talk.
 *
 *   u32 length of the rest | u8 kind | u8 flag | f64 a | f64 b | rest        little-endian, one form for all
 *
 *   hello     to the arbiter     a: the worker's number, b: its process, flag: VERSION. The first frame
 *   welcome   to a worker        it is in; `added` follows for each other worker
 *   refused   to a worker        a: why, of WHY. The connection ends
 *   added     to a worker        a: a worker that came in
 *   gone      to a worker        a: a worker that has ended. All it has sent was passed on before
 *   data      through            a: the thread it is for, b: the thread that sends, rest: a piece of the stream between the two
 *   credit    through            a: the thread that may send more, b: the thread that has read, rest: u32 how many bytes
 *   claim     to the arbiter     a: the question's number, flag: of MAY, rest: a name
 *   claimed   to a worker        a: the question's number, b: the registration's number, or 0 if the name is taken. flag 1: it waits
 *   promoted  to a worker        a: the number of a registration that has waited, rest: its name. Now it holds the name
 *   release   to the arbiter     a: the registration's number, rest: its name
 *   check     to a worker        a: a number. Answer when you have read this
 *   checked   to the arbiter     a: that number
 *
 * The arbiter passes `data` and `credit` on as they are, to the worker of thread `a`. It never looks into them.
 */

/** Raise it with each change of the frames, or of the messages in them: the app may import another copy of the package. */
export const VERSION = 2;

export const KIND = {
  hello: 1,
  welcome: 2,
  refused: 3,
  added: 4,
  gone: 5,
  data: 6,
  credit: 7,
  claim: 8,
  claimed: 9,
  release: 10,
  check: 11,
  checked: 12,
  promoted: 13,
} as const;

/** Behind which registrations a claim may wait, as bits. */
export const MAY = {
  /** Those of workers that this one replaces. */
  followReplaced: 1,
  /** Those of its own worker: the thread replaces the one that has the name. */
  followOwn: 2,
} as const;

export const WHY = {
  /** It speaks another VERSION. */
  version: 1,
  /** No worker of the server has this number and process: a child process of the app. */
  stranger: 2,
  /** Another thread of the worker is in already. */
  present: 3,
} as const;

/** What a thread may send to another one before that has read it. It bounds what the arbiter keeps: so much for each pair. */
export const WINDOW_BYTES: number = 64 * 1024;
/** The longest piece in one frame: other pairs of threads get their turn in between. */
export const PIECE_BYTES: number = 16 * 1024;
/** The longest name that can be claimed, in bytes. */
export const MAX_CLAIM_BYTES: number = PIECE_BYTES;

export const HEAD_BYTES = 22;
export const MAX_FRAME_BYTES: number = HEAD_BYTES + PIECE_BYTES;

export interface Frame {
  readonly kind: number;
  readonly flag: number;
  readonly a: number;
  readonly b: number;
  /** A view of the frame. */
  readonly rest: Buffer;
}

const NOTHING = Buffer.alloc(0);

export function encodeFrame(kind: number, a: number = 0, b: number = 0, rest: Uint8Array = NOTHING, flag = 0): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + rest.length);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt8(kind, 4);
  frame.writeUInt8(flag, 5);
  frame.writeDoubleLE(a, 6);
  frame.writeDoubleLE(b, 14);
  frame.set(rest, HEAD_BYTES);
  return frame;
}

export function encodeCredit(to: number, from: number, bytes: number): Buffer {
  const rest = Buffer.allocUnsafe(4);
  rest.writeUInt32LE(bytes);
  return encodeFrame(KIND.credit, to, from, rest);
}

/** undefined: it is no frame. */
export function decodeFrame(frame: Buffer): Frame | undefined {
  if (frame.length < HEAD_BYTES) return undefined;
  return {
    kind: frame.readUInt8(4),
    flag: frame.readUInt8(5),
    a: frame.readDoubleLE(6),
    b: frame.readDoubleLE(14),
    rest: frame.subarray(HEAD_BYTES),
  };
}

export function creditOf({ rest }: Frame): number {
  return rest.length === 4 ? rest.readUInt32LE() : 0;
}
