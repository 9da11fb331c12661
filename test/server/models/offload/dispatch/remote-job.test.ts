import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { markRead } from "../../../../../src/platform/node-internals/requests.ts";
import { RemoteJob } from "../../../../../src/server/models/offload/dispatch/remote-job.ts";

/** A request that has not arrived as a whole, and that its handler does not read. */
function overWhile(state: "executing" | "ended"): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  markRead(req);
  req.push(Buffer.alloc(100));
  new RemoteJob({ req, state } as never).over();
  return req;
}

test("the rest of a body is not read any more when its handler is over: at once if the response is out", () => {
  assert.equal(overWhile("ended").readableFlowing, true);
  // The end of the exchange decides.
  assert.equal(overWhile("executing").readableFlowing, null);
});
