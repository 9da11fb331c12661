/**
 * WebSocket frames that a server sends (RFC 6455 §5): one buffer each, so that one write sends it, and so that a broadcast writes
 * the same bytes to every socket. A frame is a copy: the app may go on using what it has sent.
 */

export type SocketData = string | ArrayBuffer | ArrayBufferView;

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;

/** A close frame holds 125 bytes, two of which are the code. */
export const MAX_REASON_BYTES = 123;

const MEDIUM = 126;
const LARGE = 65_536;
const MAX_UINT32 = 2 ** 32;

export function dataFrame(data: SocketData): Buffer {
  if (typeof data !== "string") return frame(BINARY, bytesOf(data));
  const length = Buffer.byteLength(data);
  const start = headLength(length);
  const target = Buffer.allocUnsafe(start + length);
  writeHead(target, TEXT, length);
  target.write(data, start);
  return target;
}

/** 1005 stands for "no code" (RFC 6455 §7.1.5), and is never sent. */
export function closeFrame(code: number, reason: string): Buffer {
  if (code === 1005) return frame(CLOSE, new Uint8Array());
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frame(CLOSE, payload);
}

export const pingFrame: Buffer = Buffer.from([PING, 0]);

export function pongFrame(payload: Uint8Array): Buffer {
  return frame(PONG, payload);
}

export function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

function frame(first: number, payload: Uint8Array): Buffer {
  const start = headLength(payload.length);
  const target = Buffer.allocUnsafe(start + payload.length);
  writeHead(target, first, payload.length);
  target.set(payload, start);
  return target;
}

function headLength(length: number): number {
  return length < MEDIUM ? 2 : length < LARGE ? 4 : 10;
}

function writeHead(target: Buffer, first: number, length: number): void {
  target[0] = first;
  if (length < MEDIUM) target[1] = length;
  else if (length < LARGE) {
    target[1] = 126;
    target.writeUInt16BE(length, 2);
  } else {
    target[1] = 127;
    target.writeUInt32BE(Math.floor(length / MAX_UINT32), 2);
    target.writeUInt32BE(length % MAX_UINT32, 6);
  }
}
