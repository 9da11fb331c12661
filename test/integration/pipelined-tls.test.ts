/** Pipelined requests over TLS, which hands over decrypted input also when node:http has paused its parser. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { makeCertificate, serve, tempFolder } from "../server/arbiter/support.ts";

const app = fileURLToPath(new URL("../fixtures/http/pipelined.ts", import.meta.url));
/** Several records of TLS. */
const BODY_BYTES = 100_000;
/** More than the kernel takes for a client that does not read. */
const LARGE_KIB = 8192;
const PATIENCE_MS = 60_000;

async function open(port: number): Promise<TLSSocket> {
  const client = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(client, "secureConnect");
  return client;
}

const post = (id: string): string =>
  `POST /?id=${id} HTTP/1.1\r\nhost: test\r\ncontent-length: ${BODY_BYTES}\r\n\r\n${"y".repeat(BODY_BYTES)}`;

for (const model of ["loop", "threads", "tasks", "actors"]) {
  test(`requests behind an answer that the client does not read yet are answered (${model})`, async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "localhost");
    const server = await serve(t, app, ["-m", model, "-t", "2", "--tls-cert", cert, "--tls-key", key]);
    const client = await open(server.port);
    t.after(() => client.destroy());
    client.write(`GET /large?id=a&kib=${LARGE_KIB} HTTP/1.1\r\nhost: test\r\n\r\n`);
    await once(client, "data");
    // The kernel has a part of the answer, and the rest waits for the client.
    client.pause();
    client.write(post("b") + post("c") + "GET /?id=d HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    let text = "";
    let bytes = 0;
    client.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      text = (text + chunk.toString("latin1")).slice(-4096);
    });
    client.resume();
    await once(client, "end", { signal: AbortSignal.timeout(PATIENCE_MS) });
    assert.ok(bytes > 7 * LARGE_KIB * 1024, `${bytes} bytes`);
    const bodies = [`POST b ${BODY_BYTES}`, `POST c ${BODY_BYTES}`, "GET d 0"];
    assert.deepEqual(text.match(/(?:POST|GET) \w \d+/g)?.slice(-3), bodies, text);
    assert.doesNotMatch(server.stderr(), /uncaught|TypeError|AssertionError/);
  });
}
