/**
 * Handler threads and serving threads use everything at once, in memory so small that it is always full: rings of four jobs and
 * of half a kilobyte, three slots, and numbers that wrap meanwhile.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { type Seat, SlotTable } from "../../../../src/supervise/slot-table.ts";
import { ResponseRing } from "../../../../src/server/models/offload/shared/response-ring.ts";
import { Board } from "../../../../src/server/models/offload/shared/pool-board.ts";
import type { LinkEnd } from "../../../../src/server/models/offload/shared/offload-protocol.ts";
import { Ring } from "../../../../src/server/models/offload/shared/job-ring.ts";
import type { SoakHandlerData, SoakResult, SoakServerData } from "./soak-protocol.ts";
import { until } from "../../arbiter/support.ts";

const SERVERS = 2;
const SLOTS = 3;
const REQUESTS = 2400;
const url = new URL("soak-thread.ts", import.meta.url);

describe("a pool in memory that is always full", () => {
  const cases = (["threads", "tasks"] as const).flatMap((model) => [2 ** 31, 2 ** 32].map((wrap) => ({ model, wrap })));
  for (const { model, wrap } of cases) {
    test(`answers each request once and loses no count under ${model}, while its numbers go past ${wrap}`, async (t) => {
      const buffer = Board.create(SLOTS);
      const board = new Board(buffer);
      const table = new SlotTable({ slots: SLOTS, order: "lowest", firstGeneration: 2 ** 20 - 1 });
      const seats = Array.from({ length: SLOTS }, () => table.take()!);
      for (const seat of seats) board.open(seat);
      const links = Array.from({ length: SERVERS }, () => seats.map((seat) => link(seat, wrap)));
      const handlers = seats.map((seat, i) => {
        const ends = links.map((all) => all[i]!.handler);
        const workerData: SoakHandlerData = { role: "handler", model, board: buffer, seat, links: ends };
        return new Worker(url, { workerData, transferList: ends.map(({ port }) => port) });
      });
      const lines = links.map(() => new SharedArrayBuffer(4));
      const servers = links.map((all, i) => {
        const ends = all.map(({ server }, slot) => ({ id: slot + 1, link: server }));
        const workerData: SoakServerData = {
          role: "server",
          model,
          board: buffer,
          line: lines[i]!,
          links: ends,
          requests: REQUESTS,
          seed: i + 1,
        };
        return new Worker(url, { workerData, transferList: ends.map((each) => each.link.port) });
      });
      t.after(() => Promise.all([...handlers, ...servers].map((worker) => worker.terminate())));
      const results = await Promise.all(
        servers.map(async (server) => (await once(server, "message"))[0] as SoakResult),
      );
      for (const { answered, shed, left, faults } of results) {
        assert.deepEqual(faults, []);
        assert.equal(answered + left, REQUESTS);
        // Under `tasks` those that wait were admitted, whatever their number.
        assert.ok(
          left > 0 && shed > 0 === (model === "threads"),
          `${answered} were answered, ${shed} shed, ${left} left`,
        );
      }
      // What a client has left behind may still run.
      await until(
        () => seats.every((seat) => board.load(seat) + board.beside(seat) === 0),
        "all handler threads to be idle",
      );
      assert.deepEqual([board.waiting, ...lines.map((line) => new Int32Array(line)[0])], [0, 0, 0]);
      for (const all of links) for (const { server } of all) assert.notEqual(new Ring(server.ring).restMark, undefined);
    });
  }
});

/** Both ends of a link whose numbers wrap after three hundred jobs and messages. */
function link(seat: Seat, wrap: number): { readonly server: LinkEnd; readonly handler: LinkEnd } {
  const { port1, port2 } = new MessageChannel();
  const start = { seq: wrap - 300, said: wrap - 300 };
  const shared = { ring: Ring.create(4), answers: ResponseRing.create(512), seat, start };
  return { server: { ...shared, port: port1 }, handler: { ...shared, port: port2 } };
}
