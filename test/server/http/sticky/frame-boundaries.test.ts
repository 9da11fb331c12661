import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameBoundaries } from "../../../../src/server/http/sticky/frame-boundaries.ts";

const HANDSHAKE = Buffer.from("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n");

function frame(bytes: number, mask = false): Buffer {
  const masked = mask ? 0x80 : 0;
  const head =
    bytes < 126
      ? Buffer.from([0x82, masked | bytes])
      : bytes < 65_536
        ? Buffer.from([0x82, masked | 126, bytes >> 8, bytes & 255])
        : Buffer.from([
            0x82,
            masked | 127,
            0,
            0,
            0,
            0,
            bytes >>> 24,
            (bytes >> 16) & 255,
            (bytes >> 8) & 255,
            bytes & 255,
          ]);
  return Buffer.concat([head, Buffer.alloc((mask ? 4 : 0) + bytes, 0x82)]);
}

test("frames of all lengths end where they end, however their bytes come", () => {
  for (const mask of [false, true]) {
    for (const bytes of [0, 1, 125, 126, 65_535, 65_536, 70_000]) {
      const all = Buffer.concat([HANDSHAKE, frame(bytes, mask)]);
      for (const step of [1, 3, all.length]) {
        const frames = new FrameBoundaries();
        const ends: number[] = [];
        for (let at = 0; at < all.length; at += step) {
          frames.push(all.subarray(at, at + step), false);
          if (frames.isBetween && at + step >= all.length) ends.push(at);
          else assert.ok(!frames.isBetween || at + step >= HANDSHAKE.length);
        }
        assert.equal(ends.length, 1, `${bytes} bytes in steps of ${step}`);
      }
    }
  }
});

test("one that is to stop stops behind the frame that has begun", () => {
  const frames = new FrameBoundaries();
  frames.push(HANDSHAKE, false);
  const two = Buffer.concat([frame(10), frame(300)]);
  frames.push(two.subarray(0, 5), false);
  assert.equal(frames.isBetween, false);
  assert.equal(frames.push(two.subarray(5), true), 12 - 5);
  assert.ok(frames.isBetween);
});

test("nothing follows a handshake that is not answered", () => {
  const frames = new FrameBoundaries();
  assert.equal(frames.isBetween, false);
  frames.push(HANDSHAKE.subarray(0, -1), true);
  assert.equal(frames.isBetween, false);
});
