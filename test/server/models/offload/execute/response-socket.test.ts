import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { ResponseSocket } from "../../../../../src/server/models/offload/execute/response-socket.ts";
import { MAX_TIMER_MS, watchTimers } from "../../../../support/timers.ts";

const endpoint = { remoteAddress: "", remotePort: 0, remoteFamily: "", localAddress: "", localPort: 0 };

function newSocket(): ResponseSocket {
  return new ResponseSocket(1, { ...endpoint, tls: undefined }, () => {});
}

test("a handler's socket takes an idle time that is longer than a timer of Node's can wait", (t) => {
  const { askedMs } = watchTimers(t);
  const socket = newSocket().setTimeout(2 ** 31);
  assert.deepEqual(askedMs, [MAX_TIMER_MS]);
  assert.equal(socket.timeout, 2 ** 31);
  socket.destroy();
});

test("a handler's socket refuses the idle times that a net.Socket refuses, in the same words", () => {
  for (const ms of [NaN, Infinity, -1]) {
    let refusal: Error | undefined;
    try {
      new Socket().setTimeout(ms);
    } catch (error) {
      refusal = error as Error;
    }
    assert.throws(() => newSocket().setTimeout(ms), {
      name: refusal!.name,
      message: refusal!.message,
      code: "ERR_OUT_OF_RANGE",
    });
  }
});
