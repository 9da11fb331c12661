import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, test } from "node:test";
import { errorCodes, type ErrorCode, errorTable } from "../../../../src/errors/errors.ts";
import { endLingering } from "../../../../src/server/http/parse/lingering-close.ts";
import { refuse, refuseSocket } from "../../../../src/server/http/respond/respond.ts";
import { servePlain } from "../../../support/in-process.ts";
import { RawConnection } from "../../../support/raw-connection.ts";

/** Refuses one request with `code`, then lets `late` do to the response what an app may still do. */
async function refused(
  code: ErrorCode,
  {
    before,
    late,
    request = "GET / HTTP/1.1",
  }: {
    readonly before?: (res: ServerResponse) => void;
    readonly late?: (res: ServerResponse, req: IncomingMessage) => unknown;
    readonly request?: string;
  } = {},
): Promise<{ status: number; headers: Readonly<Record<string, string>>; body: string; after: string }> {
  const lateDone = Promise.withResolvers<unknown>();
  await using server = await servePlain((req, res) => {
    if (req.url === "/next") {
      res.end("the next one");
      return;
    }
    before?.(res);
    refuse(req, res, code);
    lateDone.resolve((async () => late?.(res, req))());
  });
  await using client = await RawConnection.open(server.port);
  client.request(request);
  const answer = await client.response(request.split(" ")[0]);
  await lateDone.promise;
  if (answer.headers["connection"] === "close") return { ...answer, after: await client.rest() };
  client.request("GET /next HTTP/1.1");
  return { ...answer, after: (await client.response()).body };
}

describe("a refusal", () => {
  for (const code of errorCodes.filter((code) => errorTable[code].status !== undefined)) {
    test(`${code} is answered ${errorTable[code].status}, with nothing of the app`, async () => {
      const { status, headers, body, after } = await refused(code, {
        before: (res) => {
          res.statusMessage = "All Fine";
          res.setHeader("set-cookie", "secret=1");
          res.setHeader("content-encoding", "gzip");
          res.setHeader("content-length", 7);
          res.setHeader("x-heddle-thread", 3);
        },
      });
      assert.equal(status, errorTable[code].status);
      assert.match(body, new RegExp(`^${status} [A-Z][\\w '-]+\\n$`, "i"));
      assert.doesNotMatch(body, /All Fine/);
      assert.deepEqual([headers["set-cookie"], headers["content-encoding"]], [undefined, undefined]);
      assert.equal(headers["content-length"], String(body.length));
      assert.equal(headers["x-heddle-thread"], "3");
      assert.equal(headers["retry-after"] !== undefined, status === 503);
      assert.equal(after, headers["connection"] === "close" ? "" : "the next one");
    });
  }

  test("answers HEAD with the same head and no body", async () => {
    const { status, headers, after } = await refused("OVERLOADED", { request: "HEAD / HTTP/1.1" });
    assert.deepEqual([status, Number(headers["content-length"]) > 0, after], [503, true, "the next one"]);
  });

  const lateDeeds: Record<string, (res: ServerResponse, req: IncomingMessage) => unknown> = {
    "sets headers": (res) => {
      res
        .setHeader("x-late", "1")
        .appendHeader("x-late", "2")
        .setHeaders(new Map([["x-late", "3"]]));
      res.removeHeader("x-late");
      res.flushHeaders();
    },
    "writes a head": (res) => res.writeHead(200, { "x-late": "1" }).end("late"),
    "writes and waits to be called back": async (res) => {
      await new Promise<void>((resolve) => {
        res.write("late", () => resolve());
      });
      await new Promise<void>((resolve) => {
        res.write("late", "utf8", () => resolve());
      });
      await new Promise<void>((resolve) => {
        res.end(resolve);
      });
    },
    "sends hints and trailers": (res) => {
      res.writeContinue();
      res.writeProcessing();
      res.writeEarlyHints({ link: "</a.css>; rel=preload" });
      res.addTrailers({ "x-late": "1" });
      res.end("late");
    },
    "pipes into it": (res) => {
      Readable.from(["late", "later"]).pipe(res);
    },
    "pipes into it and waits": (res) => pipeline(Readable.from(["late", "later"]), res).catch(() => {}),
    "has a stream fail that it pipes": (res) =>
      pipeline(
        Readable.from(
          (function* () {
            yield "late";
            throw new Error("the source failed");
          })(),
        ),
        res,
      ).catch(() => {}),
    "destroys it": (res) => res.destroy(new Error("too late")),
    "uses the original methods": (res) => {
      ServerResponse.prototype.write.call(res, "late", "utf8");
      ServerResponse.prototype.end.call(res, "late", "utf8");
    },
    "is asked for the status of a response it did not send": (res) => {
      res.statusCode = 200;
      assert.equal(res.headersSent, true);
    },
  };
  for (const [deed, late] of Object.entries(lateDeeds)) {
    test(`stays as it is, and so does the connection, when the app then ${deed}`, async () => {
      const { status, headers, body, after } = await refused("HANDLER_TIMEOUT", { late });
      assert.equal(status, 504);
      assert.equal(headers["x-late"], undefined);
      assert.doesNotMatch(body, /late/);
      assert.equal(after, "the next one");
    });
  }

  test("cuts a response that has begun: it must not look complete", async () => {
    await using server = await servePlain((req, res) => {
      res.writeHead(200, { "content-length": 10 });
      res.write("half ", () => refuse(req, res, "HANDLER_FAILED"));
    });
    await using client = await RawConnection.open(server.port);
    const { status, body, complete } = await client.request("GET / HTTP/1.1").response();
    assert.deepEqual([status, body, complete], [200, "half ", false]);
  });

  test("leaves a complete response alone", async () => {
    await using server = await servePlain((req, res) => {
      res.end("done");
      refuse(req, res, "HANDLER_FAILED");
    });
    await using client = await RawConnection.open(server.port);
    assert.equal((await client.request("GET / HTTP/1.1").response()).body, "done");
  });

  test("of an upload can be read by a client that goes on sending", async () => {
    await using server = await servePlain((req, res) => {
      req.socket.destroySoon = () => endLingering(req.socket);
      refuse(req, res, "BODY_TOO_LARGE");
    });
    await using client = await RawConnection.open(server.port);
    client.request("POST / HTTP/1.1", ["content-length: 100000000"]);
    const megabyte = Buffer.alloc(1024 * 1024);
    for (let sent = 0; sent < 8; sent++) client.write(megabyte);
    assert.equal((await client.response()).status, 413);
    await client.ended();
    assert.equal(client.error, undefined);
  });

  test("on a bare socket says what it is, and can be read by a client that goes on sending", async () => {
    await using server = await servePlain((_req, res) => {
      const socket = res.socket!;
      res.detachSocket(socket);
      refuseSocket(socket, "OVERLOADED");
    });
    await using client = await RawConnection.open(server.port);
    client.request("GET / HTTP/1.1").write(Buffer.alloc(4 * 1024 * 1024));
    const { status, headers, body } = await client.response();
    assert.deepEqual([status, headers["connection"], body], [503, "close", "503 Service Unavailable\n"]);
    assert.ok(Number(headers["retry-after"]) > 0);
    await client.ended();
  });

  test("on a socket that can't be written to closes it", async () => {
    const closed = Promise.withResolvers<void>();
    await using server = await servePlain((req) => {
      const { socket } = req;
      socket.once("close", () => closed.resolve());
      socket.end();
      refuseSocket(socket, "BAD_REQUEST");
    });
    await using client = await RawConnection.open(server.port);
    client.request("GET / HTTP/1.1");
    await closed.promise;
    if (!client.socket.destroyed) await once(client.socket, "end");
  });
});
