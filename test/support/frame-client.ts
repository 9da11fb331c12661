/** A WebSocket client that speaks in frames, right or wrong ones, and reads them one by one. Until it reads, it is a slow reader. */

import { randomBytes } from "node:crypto";
import { RawConnection, type RawResponse } from "./raw-connection.ts";

export interface Frame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly rsv: number;
  readonly payload: Buffer;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  readonly fin?: boolean;
  /** The three bits: 4 is RSV1. */
  readonly rsv?: number;
  readonly isMasked?: boolean;
}

const MASK = Buffer.from([1, 2, 3, 4]);

export function clientFrame(opcode: number, payload: string | Uint8Array = "", options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, isMasked = true } = options;
  const body = Buffer.from(payload as string);
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const masked = isMasked ? 0x80 : 0;
  if (body.length < 126) head.push(masked | body.length);
  else if (body.length < 65_536) head.push(masked | 126, body.length >> 8, body.length & 255);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(body.length));
    head.push(masked | 127, ...length);
  }
  if (!isMasked) return Buffer.concat([Buffer.from(head), body]);
  for (let i = 0; i < body.length; i++) body[i]! ^= MASK[i & 3]!;
  return Buffer.concat([Buffer.from(head), MASK, body]);
}

export function closePayload(code: number, reason = ""): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, Buffer.from(reason)]);
}

export class FrameClient implements AsyncDisposable {
  readonly raw: RawConnection;
  /** The answer to its handshake. */
  readonly answer: RawResponse;

  private constructor(raw: RawConnection, answer: RawResponse) {
    this.raw = raw;
    this.answer = answer;
  }

  /** `behind`: sent together with the handshake. */
  static async open(
    port: number,
    path = "/",
    headers: readonly string[] = [],
    behind: Uint8Array = Buffer.alloc(0),
  ): Promise<FrameClient> {
    const raw = await RawConnection.open(port);
    const own = headers.map((header) => header.split(":")[0]!.toLowerCase());
    const usual = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
    };
    const lines = Object.entries(usual).flatMap(([name, value]) => (own.includes(name) ? [] : [`${name}: ${value}`]));
    const given = headers.filter((header) => !header.endsWith(": -"));
    raw.request(`GET ${path} HTTP/1.1`, [...lines, ...given]).write(behind);
    return new FrameClient(raw, await raw.response());
  }

  send(opcode: number, payload: string | Uint8Array = "", options: FrameOptions = {}): this {
    this.raw.write(clientFrame(opcode, payload, options));
    return this;
  }

  text(text: string): this {
    return this.send(OPCODE.text, text);
  }

  /** The next frame. undefined: the connection has ended. */
  async frame(): Promise<Frame | undefined> {
    const head = await this.raw.bytes(2);
    if (head === undefined) return undefined;
    const [first, second] = [head[0]!, head[1]!];
    let length = second & 0x7f;
    if (length === 126) length = (await this.raw.bytes(2))!.readUInt16BE();
    else if (length === 127) length = Number((await this.raw.bytes(8))!.readBigUInt64BE());
    const payload = length === 0 ? Buffer.alloc(0) : (await this.raw.bytes(length))!;
    return { fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7, opcode: first & 15, payload };
  }

  /** The next frame must be a text. */
  async heard(): Promise<string> {
    const frame = await this.frame();
    if (frame?.opcode !== OPCODE.text) throw new Error(`expected a text, and got ${describe(frame)}`);
    return frame.payload.toString();
  }

  /** Reads to the close frame. `0`: the connection ended without one. */
  async closed(): Promise<readonly [code: number, reason: string]> {
    for (;;) {
      const frame = await this.frame();
      if (frame === undefined) return [0, ""];
      if (frame.opcode !== OPCODE.close) continue;
      const { payload } = frame;
      return payload.length === 0 ? [1005, ""] : [payload.readUInt16BE(), payload.subarray(2).toString()];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.raw[Symbol.asyncDispose]();
  }
}

function describe(frame: Frame | undefined): string {
  return frame === undefined ? "the end" : `opcode ${frame.opcode}: ${frame.payload.toString("latin1")}`;
}
