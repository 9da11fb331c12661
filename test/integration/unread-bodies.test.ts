/**
 * A body that the app does not read, or not to its end: the response arrives, and then the connection serves the next request
 * or is closed. Other clients are not affected.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { waysToLeaveABody as waysOfFetchApps } from "../fixtures/http/unread-fetch.ts";
import { waysToLeaveABody as waysOfListeners } from "../fixtures/http/unread.ts";
import { inTime, LINGER_MS } from "../support/in-time.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const models = ["loop", "sync", "threads", "thread-per-request", "tasks", "actors"] as const;
const apps = [
  { file: "unread.ts", ways: waysOfListeners },
  { file: "unread-fetch.ts", ways: waysOfFetchApps },
];
const LIMIT = 8 * 1024 * 1024;

/** As it goes over the wire, and its head. `missing`: so much of it is not sent. */
const framings = {
  "a small body": () => ({ head: "content-length: 10", body: "0123456789" }),
  "a large body": () => ({ head: "content-length: 300000", body: "x".repeat(300_000) }),
  "a large chunked body": () => ({
    head: "transfer-encoding: chunked",
    body: `ffff\r\n${"y".repeat(0xffff)}\r\n`.repeat(5) + "0\r\n\r\n",
  }),
  "a body larger than what is dropped": () => ({
    head: `content-length: ${4 * 1024 * 1024}`,
    body: "z".repeat(4 * 1024 * 1024),
  }),
};

function file(name: string): string {
  return fileURLToPath(new URL(`../fixtures/http/${name}`, import.meta.url));
}

for (const model of models) {
  for (const { file: app, ways } of apps) {
    describe(`${model}, ${app}`, { concurrency: 8 }, () => {
      let server: TestServer;
      before(async () => {
        const shape = model === "sync" ? [] : ["-t", "2"];
        // What shows that a connection goes on needs no thread of its own.
        const env: Readonly<Record<string, string>> = model === "thread-per-request" ? { NEXT_MODEL: "loop" } : {};
        server = await startServer(file(app), ["-m", model, ...shape, "--limit-body", String(LIMIT)], { env });
      });
      after(async () => {
        try {
          const answer = await fetch(`${server.url}/next`);
          assert.equal(await answer.text(), "the next one");
          assert.doesNotMatch(server.stderr(), /uncaught|TypeError|is replaced|is ended/i);
        } finally {
          await server.stop();
        }
      });

      for (const way of ways) {
        for (const [name, framing] of Object.entries(framings)) {
          test(`${name}, left by ${way}: the answer arrives, and the connection goes on or ends`, async () => {
            const { head, body } = framing();
            await inTime(async ({ within }) => {
              await using client = await RawConnection.open(server.port);
              within(LINGER_MS);
              client.request(`POST /${way} HTTP/1.1`, [head], body);
              const answer = await client.response();
              assert.deepEqual([answer.status, answer.body, answer.complete], [507, "full\n", true]);
              if (answer.headers["connection"] === "close") return;
              client.request("GET /next HTTP/1.1", ["connection: close"]);
              const rest = await client.rest();
              if (rest !== "") assert.match(rest, /^HTTP\/1\.1 200 OK\r\n[^]*the next one$/);
            });
          });
        }
      }

      if (app !== "unread.ts") return;
      for (const way of ["an-answer-before-the-body", "an-answer-before-the-events"]) {
        test(`${way} leaves the rest of it to the app`, async () => {
          await using client = await RawConnection.open(server.port);
          const mark = server.mark();
          client.request(`POST /${way} HTTP/1.1`, ["content-length: 400000"], "x".repeat(100_000));
          assert.equal((await client.response()).body, "accepted");
          // Under sync the connection ends with the answer, and takes no more.
          if (model === "sync") return;
          client.write("x".repeat(300_000));
          // On a handler thread a handler that is not async is over with its answer.
          const isOver = model !== "loop" && model !== "actors" && way.endsWith("events");
          await server.waitForLog(isOver ? /aborted after \d+ bytes/ : /read 400000 bytes in/, mark);
          client.request("GET /next HTTP/1.1");
          assert.equal((await client.response()).body, "the next one");
        });
      }

      test("a request destroyed by the app ends its connection", async () => {
        await using client = await RawConnection.open(server.port);
        client.request("POST /a-request-destroyed HTTP/1.1", ["content-length: 400000"], "x".repeat(100_000));
        assert.equal(await client.rest(), "");
      });
    });
  }
}
