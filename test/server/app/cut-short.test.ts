import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeddleError } from "../../../src/errors/errors.ts";
import { cutShort } from "../../../src/server/app/cut-short.ts";
import { servePlain } from "../../support/in-process.ts";
import { RawConnection } from "../../support/raw-connection.ts";

describe("a request that is cut short", () => {
  test("fails for who reads it, without an end, and its connection lives on", async () => {
    const events: string[] = [];
    const failure = Promise.withResolvers<unknown>();
    await using server = await servePlain((req, res) => {
      for (const event of ["aborted", "end", "error"]) req.on(event, () => events.push(event));
      req.once("data", () => {
        res.end("answered");
        cutShort(req, "BODY_TIMEOUT");
      });
      void (async () => {
        for await (const chunk of req) events.push(String(chunk));
      })().catch(failure.resolve);
    });
    await using client = await RawConnection.open(server.port);
    client.request("POST / HTTP/1.1", ["content-length: 8"], "part");
    assert.equal((await client.response()).body, "answered");
    const error = await failure.promise;
    assert.ok(error instanceof HeddleError && error.code === "BODY_TIMEOUT");
    // The rest is taken and dropped; the connection is where its next request starts.
    client.write("rest").request("POST / HTTP/1.1", ["content-length: 8"], "part");
    assert.equal((await client.response()).body, "answered");
    assert.ok(!events.includes("end") && !events.includes("rest"), events.join());
    assert.ok(events.includes("aborted") && events.includes("error"), events.join());
  });

  test("throws at nobody who does not listen", async () => {
    const closed = Promise.withResolvers<void>();
    await using server = await servePlain((req, res) => {
      req.on("close", closed.resolve);
      cutShort(req, "BODY_TOO_LARGE");
      res.end("answered");
    });
    await using client = await RawConnection.open(server.port);
    client.request("POST / HTTP/1.1", ["content-length: 8"], "complete");
    assert.equal((await client.response()).body, "answered");
    await closed.promise;
  });
});
