import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import type { RequestLimits } from "../../../../src/server/http/parse/limits.ts";
import { RestOfBody } from "../../../../src/server/http/respond/discard-body.ts";

const limits: RequestLimits = {
  requestLineBytes: 64,
  headerCount: 4,
  bodyBytes: 1000,
  bodyIdleTimeoutMs: 1000,
  bodyMinRateBytes: 100,
};
const MIB = 1024 * 1024;

interface Rest {
  readonly body: RestOfBody;
  readonly req: IncomingMessage;
  readonly socket: { bytesRead: number; destroyed: boolean; resumed: number };
}

function leave(
  changed: Partial<RequestLimits> = {},
  prepare: (req: IncomingMessage) => void = () => {},
  isOver = false,
): Rest {
  const req = new IncomingMessage(new Socket());
  const socket = { bytesRead: 500, destroyed: false, resumed: 0, resume: () => socket.resumed++ };
  prepare(req);
  return {
    body: new RestOfBody(req, socket as never, { ...limits, ...changed }, 0, { isOver, isElsewhere: () => false }),
    req,
    socket,
  };
}

describe("a body that goes on after its response", () => {
  test("may go on steadily up to the limit of a body", () => {
    const { body, socket } = leave();
    for (let nowMs = 100; nowMs <= 9000; nowMs += 100) {
      socket.bytesRead += 11;
      assert.equal(body.sweep(nowMs), "arriving");
    }
    socket.bytesRead = 500 + 1000 + 16 * 1024 + 1;
    assert.equal(body.sweep(9100), "BODY_TOO_LARGE");
  });

  test("may neither stand still nor drip", () => {
    const still = leave();
    assert.equal(still.body.sweep(1000), "arriving");
    assert.equal(still.body.sweep(1001), "BODY_TIMEOUT");
    const dripping = leave();
    for (let nowMs = 100; nowMs <= 1000; nowMs += 100) {
      dripping.socket.bytesRead++;
      assert.equal(dripping.body.sweep(nowMs), "arriving");
    }
    dripping.socket.bytesRead++;
    assert.equal(dripping.body.sweep(1100), "BODY_TIMEOUT");
  });

  test("is over when it is complete or its connection is gone", () => {
    const complete = leave();
    complete.req.complete = true;
    const gone = leave();
    gone.socket.destroyed = true;
    assert.deepEqual([complete.body.sweep(1e6), gone.body.sweep(1e6)], ["complete", "gone"]);
  });

  test("that the app reads is not limited by limits that are off", () => {
    const { body, socket } = leave({ bodyBytes: 0, bodyIdleTimeoutMs: 0 }, (req) => req.on("data", () => {}));
    socket.bytesRead = 1e9;
    assert.equal(body.sweep(1e9), "arriving");
  });

  test("that nobody reads is dropped, and not for ever where bodies have no limit", () => {
    const { body, socket } = leave({ bodyBytes: 0, bodyIdleTimeoutMs: 0 });
    assert.equal(socket.resumed > 0, true);
    socket.bytesRead = 500 + MIB;
    assert.equal(body.sweep(1), "arriving");
    socket.bytesRead++;
    assert.equal(body.sweep(2), "BODY_TOO_LARGE");
  });

  test("is dropped as soon as the app reads it no more", () => {
    const { body, req, socket } = leave({}, (req) => req.on("data", () => {}));
    body.sweep(1);
    assert.equal(socket.resumed, 0);
    req.removeAllListeners("data");
    body.sweep(2);
    assert.equal(socket.resumed, 1);
  });

  test("is dropped, whoever listens, when the app has destroyed the request", () => {
    const { socket } = leave({}, (req) => {
      req.on("data", () => {});
      Object.assign(req, { socket: null });
      req.destroy();
    });
    assert.equal(socket.resumed, 1);
  });

  test("that the app has paused is given up after a while", () => {
    const { body } = leave({ bodyIdleTimeoutMs: 0 }, (req) => {
      req.on("data", () => {});
      req.pause();
      req.push(Buffer.alloc(10));
    });
    assert.equal(body.sweep(5000), "arriving");
    assert.equal(body.sweep(5001), "BODY_TIMEOUT");
  });

  test("that stands still when its reader is over is dropped at once, and reading on fails", async () => {
    const failed = Promise.withResolvers<Error>();
    const { body, req, socket } = leave(
      {},
      (req) => {
        req.on("data", () => {});
        req.on("error", failed.resolve);
        Object.assign(req, { socket: null });
        req.pause();
        req.push(Buffer.alloc(10));
      },
      true,
    );
    assert.equal(socket.resumed, 1);
    assert.equal(req.destroyed, true);
    assert.match((await failed.promise).message, /stalled/);
    assert.equal(body.sweep(1), "arriving");
  });
});
