/** A server that closes a connection while its client still sends: the answers still arrive (RFC 9112 §9.6). */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { tempFolder } from "../server/arbiter/support.ts";
import { inTime, LINGER_MS } from "../support/in-time.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/http/pipelined.ts", import.meta.url));

const get = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, "host: test", ...headers, "", ""].join("\r\n");
const post = (bytes: number): string =>
  `POST /?id=z HTTP/1.1\r\nhost: test\r\ncontent-length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`;

/** What comes behind the request whose answer is the last: in the same packet, and while and after it is answered. */
const behind: [name: string, now: string, then: string][] = [
  ["a whole request", post(41), ""],
  ["the first bytes of a request", "PO", ""],
  ["a request without end", post(1000).slice(0, -10), ""],
  ["what is no HTTP", "\0\0\0\0", "\0".repeat(1000)],
  ["a request in pieces", post(100).slice(0, 60), post(100).slice(60)],
  ["a large body", post(300_000), ""],
  ["requests that come while the handler has the thread", "", post(300_000)],
];
const closing: [name: string, request: string][] = [
  ["that the client asks for", get("/?id=a", "connection: close")],
  ["that the app asks for", get("/close?id=a")],
  ["of an answer without a length", get("/early?id=a", "connection: close")],
];

for (const [model, flags] of [
  ["loop", ["--limit-keep-alive", "1"]],
  ["threads", ["--limit-keep-alive", "1"]],
  ["tasks", ["--limit-keep-alive", "1"]],
  ["actors", ["--limit-keep-alive", "1"]],
  ["sync", []],
] as const) {
  describe(`the end of a connection under ${model}`, () => {
    test("arrives behind its last answer, whatever else the client sends", async (t) => {
      await using server = await startServer(app, ["-m", model, "-t", model === "sync" ? "1" : "2", ...flags]);
      const all: readonly [name: string, request: string][] = [["that the server wants", get("/?id=a")], ...closing];
      for (const [what, request] of all) {
        for (const [name, now, then] of behind) {
          await inTime(async ({ within }) => {
            await using client = await RawConnection.open(server.port);
            within(LINGER_MS);
            if (now === "") {
              const mark = server.mark();
              const file = join(tempFolder(t), "go-on");
              client.write(request.replace("?", `?file=${file}&`));
              await server.waitForLog(/^blocks$/m, mark);
              client.write(then);
              writeFileSync(file, "");
            } else client.write(request + now).write(then);
            await sleep(50);
            const answer = await client.rest();
            assert.match(answer, /GET a 0/, `a close ${what}, and ${name}`);
            assert.equal(client.error, undefined, `a close ${what}, and ${name}`);
          });
        }
      }
      assert.doesNotMatch(server.output(0), /"level":50|begin POST/);
    });

    test("comes when the handler ends its socket", async () => {
      await using server = await startServer(app, ["-m", model, "-t", model === "sync" ? "1" : "2"]);
      for (const part of ["", "&part"]) {
        await using client = await RawConnection.open(server.port);
        client.write(get(`/end-socket?id=a${part}&ms=20`));
        const answer = await client.rest();
        assert.doesNotMatch(answer, part === "" ? /./ : /\r\n0\r\n/);
      }
    });

    // A connection of `sync` has one request, and is closed at once unless more has come by then.
    if (model === "sync") return;
    test("arrives behind its last answer, which the client has not read when it sends more", async () => {
      await using server = await startServer(app, ["-m", model, "-t", "2", ...flags]);
      const all: readonly [name: string, request: string, body: RegExp][] = [
        ["the server wants", get("/large?id=a&kib=50"), /x\r\n7\r\nGET a 0\r\n0\r\n\r\n$/],
        ["the app asks for", get("/close?id=a"), /GET a 0/],
        ["comes with a refusal", get("/?id=a", "host: other"), /400 Bad Request/],
      ];
      for (const [what, request, body] of all) {
        await inTime(async ({ within }) => {
          await using client = await RawConnection.open(server.port);
          within(LINGER_MS);
          client.socket.pause();
          const mark = server.mark();
          client.write(request);
          if (what === "comes with a refusal") await sleep(20);
          else await server.waitForLog(/^close a$/m, mark);
          // The server's kernel has the answer, and the client's as much of it as it takes.
          client.write(post(1000));
          await sleep(20);
          client.write(post(1000));
          client.socket.resume();
          assert.match(await client.rest(), body, `an end that ${what}`);
          assert.equal(client.error, undefined, `an end that ${what}`);
        });
      }
      assert.doesNotMatch(server.output(0), /"level":50|begin POST/);
    });

    test("takes no answer along when the app breaks off the one behind it", async () => {
      await using server = await startServer(app, ["-m", model, "-t", "2"]);
      for (const [cut, now, then] of [
        ["/destroy?id=b&ms=200", post(300_000), ""],
        ["/destroy?id=b&ms=200&bytes=1000", post(300_000), ""],
        ["/destroy?id=b&ms=200", "", post(1000)],
        ["/destroy?id=b&after=200", post(300_000), ""],
        ["/destroy?id=b&after=200&bytes=1000", post(300_000), ""],
        ["/destroy?id=b&after=200&head=1000", post(300_000), ""],
        ["/half?id=b&after=200", post(300_000), ""],
      ] as const) {
        await inTime(async ({ within }) => {
          await using client = await RawConnection.open(server.port);
          within(LINGER_MS);
          const mark = server.mark();
          client.write(get("/large?id=a&kib=50") + get(cut) + now);
          // The kernel has the first answer, and this client has read nothing of it.
          await server.waitForLog(/^close b$/m, mark);
          client.write(then);
          await sleep(20);
          const answer = await client.rest();
          assert.equal(client.error, undefined, cut);
          const [, large = "", half = ""] = answer.split("HTTP/1.1 200 OK");
          assert.match(large.slice(-40), /GET a 0\r\n0\r\n\r\n$/, cut);
          assert.doesNotMatch(half, /GET b|\r\n0\r\n/, cut);
        });
      }
      assert.doesNotMatch(server.output(0).replaceAll(/.*on purpose.*/g, ""), /"level":50|begin POST/);
    });
  });
}
