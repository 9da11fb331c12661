import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameReader } from "../../../src/kit/bytes/frame-reader.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  KIND,
  OP,
  type Request,
  REQUEST_HEAD,
  requestId,
} from "../../../src/shared/protocol.ts";

const requests: readonly Request[] = ["", "x", "Schlüssel ☕", "long".repeat(5000)].map((text, i) => ({
  op: OP.set,
  kind: KIND.bytes,
  namespace: text.slice(0, 3),
  key: `key ${text.slice(0, 11)}`,
  ttlMs: i * 1.5,
  number: -i,
  value: Buffer.from(text),
}));

test("frames are the same however the stream is cut", () => {
  const stream = Buffer.concat(requests.map((request, i) => encodeRequest(i, request)));
  for (const size of [1, 2, 3, 5, 29, 30, 31, 1000, stream.length]) {
    const reader = new FrameReader(30_000);
    const read: Request[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size));
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        assert.ok(frame !== "too-large");
        const told = decodeRequest(frame)!;
        assert.equal(told.id, read.length);
        read.push({ ...told.request, value: Buffer.from(told.request.value) });
      }
    }
    assert.deepEqual(read, requests);
  }
});

test("a frame that claims to be longer than it may be is refused before it is there", () => {
  for (const cut of [1, 2, 3, 4]) {
    const reader = new FrameReader(1000);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(997);
    reader.push(length.subarray(0, cut));
    let found = reader.next();
    if (cut < 4) {
      reader.push(length.subarray(cut));
      found = reader.next();
    }
    assert.equal(found, "too-large");
  }
});

test("a frame that is too long can be skipped, however the stream is cut: its beginning is kept", () => {
  const long = encodeRequest(77, { ...requests[0]!, value: Buffer.alloc(5000, "x") });
  const short = encodeRequest(5, requests[0]!);
  const stream = Buffer.concat([short, long, long, short]);
  for (const size of [1, 2, 3, 29, 30, 31, 1000, stream.length]) {
    const reader = new FrameReader(1000);
    reader.skipLong(REQUEST_HEAD);
    const ids: unknown[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size));
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        ids.push(frame === "too-large" ? `not ${requestId(reader.head!)}` : decodeRequest(frame)!.id);
      }
    }
    assert.deepEqual(ids, [5, "not 77", "not 77", 5], `cut into ${size}`);
  }
});

test("what is no request or answer is told from one", () => {
  assert.equal(decodeRequest(Buffer.alloc(29)), undefined);
  assert.equal(decodeAnswer(Buffer.alloc(35)), undefined);
  const frame = encodeRequest(1, requests[1]!);
  frame.writeUInt16LE(60_000, 12);
  assert.equal(decodeRequest(frame), undefined);
  assert.equal(decodeRequest(Buffer.alloc(40, 0xff)), undefined);
});

test("an answer arrives as it was", () => {
  const answer = {
    status: 5,
    kind: KIND.number,
    ttlMs: 0.5,
    number: -1e300,
    version: 2 ** 53,
    value: Buffer.from("a"),
  };
  assert.deepEqual(decodeAnswer(encodeAnswer(4_294_967_295, answer)), { id: 4_294_967_295, answer });
});
