import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { toWire } from "../../../../../src/errors/errors.ts";
import { ResponseRing } from "../../../../../src/server/models/offload/shared/response-ring.ts";
import { Link } from "../../../../../src/server/models/offload/dispatch/handler-link.ts";
import { Outbox } from "../../../../../src/server/models/offload/execute/outbox.ts";
import type { FromHandler } from "../../../../../src/server/models/offload/shared/offload-protocol.ts";
import { RemoteJob } from "../../../../../src/server/models/offload/dispatch/remote-job.ts";
import { Ring } from "../../../../../src/server/models/offload/shared/job-ring.ts";

const seat = { slot: 0, generation: 0 };

/** A job whose response notes what reaches it. */
function job(name: string, seen: string[]): RemoteJob {
  const socket = { remoteAddress: "::1", remotePort: 1, remoteFamily: "IPv6", localAddress: "::1", localPort: 2 };
  const req = { method: "GET", url: "/", httpVersionMinor: 1, rawHeaders: [], socket, complete: true };
  const res = {
    getHeaderNames: () => [],
    shouldKeepAlive: true,
    destroyed: false,
    writableEnded: false,
    write: (part: string) => seen.push(`${name} ${part}`) > 0,
    end: (part: string) => seen.push(`${name} ${part}.`),
    destroy: () => seen.push(`${name} destroyed`),
  };
  const route = { name: "*", timeoutMs: 0 };
  return new RemoteJob({ req, res, route, connection: { closing: false }, state: "queued" } as never);
}

function write(seq: number, part: string, ends: boolean): FromHandler {
  const head = { encoding: "utf8", kind: "response", status: 200, keepsAlive: true } as const;
  return { type: "write", seq, parts: [part], ...head, ends };
}

/** Two jobs that their handler thread has begun. */
function setUp(): {
  end: (seq: number) => void;
  outbox: Outbox;
  seen: string[];
  messages: string[];
  heard: Promise<unknown>;
  freed: Promise<unknown>;
  close: () => void;
} {
  const seen: string[] = [];
  const shared = { ring: Ring.create(), answers: ResponseRing.create(), seat };
  const { port1, port2 } = new MessageChannel();
  const done = new EventTarget();
  const link = new Link(
    1,
    { ...shared, port: port1 },
    {
      failed: ({ req }, error) => seen.push(`${req.method} failed: ${(error as Error).message}`),
      misframed: () => assert.fail("nothing was misframed"),
      ran: () => {},
      answered: () => {},
      freed: () => done.dispatchEvent(new Event("freed")),
      held: () => {},
      wake: () => {},
      kill: () => assert.fail(),
    },
  );
  const ring = new Ring(shared.ring);
  for (const name of ["one", "two"]) link.send(job(name, seen), false);
  for (const seq of [1, 2]) assert.equal(ring.claim(seq, 1), "claimed");
  const messages: string[] = [];
  port1.on("message", ({ type }: FromHandler) => messages.push(type));
  // The link itself keeps nothing alive.
  port1.ref();
  const outbox = new Outbox(port2, shared.answers);
  return {
    end: (seq) => {
      ring.finish(seq);
      outbox.done(seq, 1);
    },
    outbox,
    seen,
    messages,
    heard: once(port1, "message"),
    freed: once(done, "freed"),
    close: () => port2.close(),
  };
}

test("messages and answers in memory are heard in the order in which they were said", async () => {
  const { end, outbox, seen, freed, close } = setUp();
  outbox.say(write(1, "head", false));
  outbox.say(write(1, "tail", true));
  outbox.say({ type: "failed", seq: 1, error: toWire(new Error("after its answer")) });
  end(1);
  outbox.say(write(2, "x".repeat(9000), true));
  end(2);
  outbox.tell();
  await freed;
  assert.deepEqual(seen, ["one head", "one tail.", "GET failed: after its answer", `two ${"x".repeat(9000)}.`]);
  close();
});

test("one message is enough for several answers and their end", async () => {
  const { end, outbox, seen, freed, messages, close } = setUp();
  outbox.say(write(1, "a", true));
  end(1);
  outbox.say(write(2, "b", true));
  end(2);
  outbox.tell();
  await freed;
  assert.deepEqual(seen, ["one a.", "two b."]);
  assert.deepEqual(messages, ["answers"]);
  close();
});

test("an end that nobody would look for is said", async () => {
  const { end, outbox, seen, freed, messages, heard, close } = setUp();
  outbox.say(write(1, "a", true));
  end(1);
  outbox.say(write(2, "b", true));
  await heard;
  end(2);
  outbox.tell();
  await freed;
  assert.equal(seen.length, 2);
  assert.deepEqual(messages, ["answers", "answers"]);
  close();
});

for (const start of [2 ** 31 - 3, 2 ** 32 - 3]) {
  test(`a link whose jobs and messages are numbered from ${start} answers all of them, and lets go of them`, async (t) => {
    const seen: string[] = [];
    const end = { ring: Ring.create(4), answers: ResponseRing.create(1024), seat, start: { seq: start, said: start } };
    const { port1, port2 } = new MessageChannel();
    t.after(() => port2.close());
    const freed = new EventTarget();
    const ran: number[] = [];
    const owner = { failed: () => assert.fail(), kill: () => assert.fail(), misframed: () => assert.fail() };
    const link = new Link(
      1,
      { ...end, port: port1 },
      {
        ...owner,
        ran: (ms) => ran.push(ms),
        answered: () => {},
        freed: () => freed.dispatchEvent(new Event("freed")),
        held: () => {},
        wake: () => {},
      },
    );
    // The link itself keeps nothing alive.
    port1.ref();
    const ring = new Ring(end.ring);
    const outbox = new Outbox(port2, end.answers, start);
    for (let round = 0, seq = start; round < 10; round++) {
      const jobs = [0, 1, 2].map((i) => job(`${round}.${i}`, seen));
      for (const each of jobs) link.send(each, false);
      const done = once(freed, "freed");
      // In memory; as a message, because it is too large; in two parts. The last one is moved in some rounds.
      const isMoved = round % 3 === 0 && link.take(jobs[2]!);
      const numbers = jobs.map((each) => each.seq).slice(0, isMoved ? 2 : 3);
      assert.equal(numbers[0], seq);
      for (const [i, number] of numbers.entries()) {
        assert.equal(ring.claim(number, 1), "claimed");
        if (i === 0) outbox.say(write(number, "a", true));
        if (i === 1) outbox.say(write(number, "x".repeat(2000), true));
        if (i === 2) outbox.say(write(number, "head", false));
        if (i === 2) outbox.say(write(number, "tail", true));
        ring.finish(number);
        outbox.done(number, 1);
      }
      outbox.tell();
      await done;
      const expected = [`${round}.0 a.`, `${round}.1 ${"x".repeat(2000)}.`, `${round}.2 head`, `${round}.2 tail.`];
      assert.deepEqual(seen.splice(0), expected.slice(0, isMoved ? 2 : 4));
      assert.deepEqual([link.isDeep, link.takesMore, ran.splice(0).length], [false, true, numbers.length]);
      seq = (seq + 3) >>> 0;
    }
  });
}

test("an answer that was put down is heard although its thread died before it could announce it", () => {
  const seen: string[] = [];
  const shared = { ring: Ring.create(), answers: ResponseRing.create(), seat };
  const { port1, port2 } = new MessageChannel();
  const owner = { failed: () => assert.fail(), kill: () => assert.fail() };
  const nothing = {
    misframed: () => {},
    ran: () => {},
    answered: () => {},
    freed: () => {},
    held: () => {},
    wake: () => {},
  };
  const link = new Link(1, { ...shared, port: port1 }, { ...owner, ...nothing });
  link.send(job("one", seen), false);
  const ring = new Ring(shared.ring);
  assert.equal(ring.claim(1, 1), "claimed");
  ring.finish(1);
  new ResponseRing(shared.answers).put(write(1, "all", true) as never, 0);
  assert.deepEqual(link.close(new Error("dead")), []);
  assert.deepEqual(seen, ["one all."]);
  port2.close();
});

test("under tasks many more jobs run than the ring has cells, and they end in any order; as many as it has may wait to begin", async (t) => {
  const seen: string[] = [];
  const shared = { ring: Ring.create(4), answers: ResponseRing.create(256), seat };
  const { port1, port2 } = new MessageChannel();
  t.after(() => port2.close());
  const ended = new EventTarget();
  const none = { failed: () => assert.fail(), kill: () => assert.fail(), misframed: () => assert.fail() };
  const rest = { held: () => {}, ran: () => {}, answered: () => {}, wake: () => {} };
  const owner = { ...none, ...rest, freed: () => ended.dispatchEvent(new Event("freed")) };
  const link = new Link(1, { ...shared, port: port1 }, owner, 0);
  port1.ref();
  const ring = new Ring(shared.ring);
  const outbox = new Outbox(port2, shared.answers);
  const jobs = Array.from({ length: 40 }, (_, i) => job(`${i}`, seen));
  for (const [i, each] of jobs.entries()) {
    assert.ok(link.takesMore, `it takes job ${i}`);
    link.send(each, false);
    assert.equal(ring.claim(each.seq, i + 1), "claimed");
  }
  const waiting = Array.from({ length: 4 }, (_, i) => job(`waits ${i}`, seen));
  for (const each of waiting) link.send(each, false);
  assert.equal(link.takesMore, false);
  assert.deepEqual(link.recall(Infinity), waiting);
  assert.equal(link.takesMore, true);
  assert.deepEqual(
    jobs.map(({ startedMs }) => startedMs),
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  const freed = once(ended, "freed");
  // The odd ones first, the latest first.
  const order = [...jobs.filter((_, i) => i % 2 === 1), ...jobs.filter((_, i) => i % 2 === 0).toReversed()];
  for (const { seq } of order) {
    outbox.say(write(seq, "a", true));
    ring.finish(seq);
    outbox.done(seq, 1);
  }
  outbox.tell();
  await freed;
  assert.deepEqual(
    seen,
    order.map((each) => `${jobs.indexOf(each)} a.`),
  );
});

test("a job that only waits frees its thread for others, and takes it again", async (t) => {
  const shared = { ring: Ring.create(4), answers: ResponseRing.create(), seat };
  const { port1, port2 } = new MessageChannel();
  t.after(() => port2.close());
  const told: string[] = [];
  const owner = { failed: () => assert.fail(), kill: () => assert.fail(), misframed: () => assert.fail() };
  const link = new Link(
    1,
    { ...shared, port: port1 },
    {
      ...owner,
      ran: () => told.push("ran"),
      answered: () => {},
      freed: () => told.push("freed"),
      wake: () => {},
      held: () => told.push("held"),
    },
  );
  port1.ref();
  const ring = new Ring(shared.ring);
  const outbox = new Outbox(port2, shared.answers);
  const [one, two] = [job("one", []), job("two", [])];
  for (const each of [one, two]) link.send(each, false);
  ring.claim(one.seq, 7);
  assert.equal(link.busySinceMs, 7);
  const heard = async (message: FromHandler): Promise<void> => {
    const hears = once(port1, "message");
    outbox.say(message);
    await hears;
  };
  ring.takeThread();
  await heard({ type: "beside", seq: one.seq, beside: true });
  assert.deepEqual([link.busySinceMs, link.isDeep, told.splice(0)], [Infinity, false, ["freed"]]);
  ring.giveThread(one.seq);
  await heard({ type: "beside", seq: one.seq, beside: false });
  assert.deepEqual([link.busySinceMs, link.isDeep, told.splice(0)], [7, true, []]);
  await heard({ type: "held", held: true });
  assert.deepEqual([link.takesMore, told.splice(0)], [false, ["held"]]);
  await heard({ type: "held", held: false });
  assert.deepEqual([link.takesMore, told.splice(0)], [true, ["freed"]]);
});
