/** The contract, on bodies: their size, their pace, and backpressure. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SENT_FILE, type Subject } from "./subject.ts";

const MIB = 1024 * 1024;
/** Many times what may be under way between two threads, and more than the sockets' own buffers. */
const LARGE_BYTES = 4 * MIB;
/** What the kernel and Node hold at most on the way. */
const HELD_BYTES = 32 * MIB;

export function bodies(subject: Subject): void {
  test("takes a large body and sends a large one, unchanged", async () => {
    const body = Buffer.alloc(LARGE_BYTES);
    for (let at = 0; at < body.length; at += 4) body.writeUInt32LE(at, at);
    const headers = { "content-type": "application/x-large" };
    const echoed = await subject.get("/echo", { method: "POST", body, headers });
    assert.ok(Buffer.from(await echoed.arrayBuffer()).equals(body), "the body came back as it was sent");
    assert.equal((await (await subject.get("/large")).arrayBuffer()).byteLength, LARGE_BYTES);
  });

  test("sends a file", async () => {
    assert.equal(await (await subject.get("/file")).text(), readFileSync(SENT_FILE, "utf8"));
  });

  test("events arrive as they are sent, and the response is not held until it ends", async () => {
    const response = await subject.get("/events");
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    let text = "";
    let early: string | undefined;
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes("data: one")) early ??= text;
    }
    assert.doesNotMatch(early ?? "three", /three/);
    assert.deepEqual(
      [...text.matchAll(/^data: (.*)\n\n/gm)].map(([, data]) => data),
      ["one", "two", "three"],
    );
  });

  test("a client that does not read holds the handler back, and one that leaves ends it", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    client.request(`GET /endless?id=${id} HTTP/1.1`);
    const [, produced] = await subject.logged(`stalled ${id} at (\\d+)`);
    assert.ok(Number(produced) < HELD_BYTES, `${produced} bytes were produced for a client that does not read`);
    client.destroy();
    await subject.logged(`ended ${id}`);
  });

  test("a handler that does not read holds its client back", async () => {
    await using client = await subject.open();
    const head = [`content-length: ${256 * MIB}`, "content-type: text/x"];
    client.request(`POST /wait?id=${subject.nextId()} HTTP/1.1`, head);
    const chunk = Buffer.alloc(MIB);
    for (let sent = 0; sent < 64; sent++) client.write(chunk);
    assert.equal((await client.response()).status, 504);
    const taken = client.socket.bytesWritten - client.socket.writableLength;
    assert.ok(taken < HELD_BYTES, `${taken} bytes were taken for a handler that does not read`);
  });

  test("a response that has begun is not cut by the timeout", async () => {
    assert.equal(await (await subject.get("/slow-stream")).text(), "begun and done");
  });
}
