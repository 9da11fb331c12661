/**
 * What every concurrency model must give an app, however it runs the handlers and whatever shape the app has. One server for
 * each shape. No case needs two requests at the same time, so that models which run one at a time can pass too.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ModelName } from "../../src/server/models/model.ts";
import { bodies } from "./model/bodies.ts";
import { byHand } from "./model/by-hand.ts";
import { drains } from "./model/drains.ts";
import { clients } from "./model/clients.ts";
import { failures, goneClients, timeouts, uncaught } from "./model/endings.ts";
import { messages } from "./model/messages.ts";
import { type Capabilities, Subject } from "./model/subject.ts";
import { shapes } from "./shapes.ts";

/** Most of a server's time here is spent waiting: for a timeout, for a client that does not read. */
const SERVERS_AT_ONCE = 4;
/** Where each request loads the app, for the processor. */
const LOADING_SERVERS_AT_ONCE = 2;

/** `args`: what the model needs on the command line beside its name. */
export function modelContract(
  model: ModelName,
  args: readonly string[],
  can: Capabilities = { keepsConnections: true },
): void {
  const concurrency = can.loadsForEach === true ? LOADING_SERVERS_AT_ONCE : SERVERS_AT_ONCE;
  describe(`the model ${model}`, { concurrency }, () => {
    for (const shape of shapes) {
      const subject = new Subject(model, shape, args, can);
      describe(`with an app of the shape ${shape.name}`, { concurrency: 1 }, () => {
        subject.serve();
        messages(subject);
        bodies(subject);
        clients(subject);
        failures(subject);
        goneClients(subject);
        timeouts(subject);
        if (shape.node) byHand(subject);
        test("no thread was lost to any of this", () => {
          const lost = /the thread is replaced|serving thread \d+ died|was blocked|handler thread \d+ of \S+ is ended/;
          assert.doesNotMatch(subject.server.stderr(), lost);
        });
        if (shape.answersErrors.error === "heddle" && shape.node) uncaught(subject);
        drains(subject);
      });
    }
  });
}
