/** Channels in the arbiter, and instances that publish and subscribe, in one process, over their real socket. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { SharedServer } from "../../../../src/server/arbiter/shared/shared-server.ts";
import { ArbiterTransport } from "../../../../src/shared/arbiter-transport.ts";
import { FrameReader } from "../../../../src/kit/bytes/frame-reader.ts";
import {
  type Answer,
  decodeAnswer,
  encodeRequest,
  KIND,
  NO_TTL,
  NOTHING,
  OP,
  type Request,
  STATUS,
} from "../../../../src/shared/protocol.ts";
import { pack, unpackPacked } from "../../../../src/shared/values.ts";

async function open(t: TestContext, outboxBytes?: number): Promise<{ server: SharedServer; log: string[] }> {
  const log: string[] = [];
  const server = await SharedServer.open(
    { sharedMemoryBytes: 2 ** 26, sharedValueBytes: 2 ** 20 },
    { warn: (_fields, message) => void log.push(message) },
    outboxBytes,
  );
  t.after(() => server.close());
  return { server, log };
}

/** What came to one subscription, gaps too. */
class Heard {
  readonly all: unknown[] = [];
  #wake = (): void => {};

  message(packed: { readonly kind: number; readonly bytes: Buffer }): void {
    this.#add(unpackPacked(packed));
  }

  gap(lost: number | undefined): void {
    this.#add({ lost });
  }

  async until(isEnough: (all: readonly unknown[]) => boolean): Promise<readonly unknown[]> {
    while (!isEnough(this.all)) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.all;
  }

  #add(what: unknown): void {
    this.all.push(what);
    this.#wake();
  }
}

async function listen(transport: ArbiterTransport, channel: string): Promise<Heard & { leave(): void }> {
  const heard = new Heard();
  const joined = transport.join(channel, heard);
  await joined.ready;
  return Object.assign(heard, { leave: () => joined.leave() });
}

function request(op: keyof typeof OP, channel: string, value?: unknown): Request {
  const { kind, bytes } = value === undefined ? { kind: KIND.none, bytes: NOTHING } : pack(value);
  return { op: OP[op], kind, namespace: channel, key: "", ttlMs: NO_TTL, number: 0, value: bytes };
}

function publish(transport: ArbiterTransport, channel: string, value: unknown): Promise<Answer> {
  return transport.ask(request("publish", channel, value));
}

/** A socket in the place of the server's, whose connections can be cut. */
async function relay(t: TestContext, place: string): Promise<{ path: string; cut: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "heddle-relay-"));
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    const far = connect({ path: place });
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on("error", () => {}).on("close", () => to.destroy());
      from.pipe(to);
    }
    near.once("close", () => pairs.delete(pair));
  });
  const cut = async (): Promise<void> => {
    await Promise.all(
      [...pairs].flatMap((pair) =>
        pair.map(async (socket) => {
          const closed = once(socket, "close");
          socket.destroy();
          await closed;
        }),
      ),
    );
  };
  t.after(async () => {
    server.close();
    await cut();
    rmSync(folder, { recursive: true, force: true });
  });
  const path = join(folder, "relay");
  await once(server.listen(path), "listening");
  return { path, cut };
}

/** An instance that reads when it is told to. */
async function sleeper(t: TestContext, place: string, channel: string): Promise<Socket> {
  const socket = connect({ path: place });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  await once(socket, "connect");
  socket.write(encodeRequest(1, request("subscribe", channel)));
  await once(socket, "readable");
  return socket;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

describe("a message", () => {
  test("reaches each other instance once, in its publisher's order, and not the publisher", async (t) => {
    const { server } = await open(t);
    const transports = range(4).map(() => new ArbiterTransport(server.place));
    const heard = await Promise.all(transports.map((transport) => listen(transport, "news")));
    const count = 3000;
    await Promise.all(
      transports.flatMap((transport, from) => range(count).map((n) => publish(transport, "news", { from, n }))),
    );
    for (const [own, each] of heard.entries()) {
      const all = (await each.until(({ length }) => length >= 3 * count)) as readonly { from: number; n: number }[];
      assert.equal(all.length, 3 * count);
      for (const from of range(4)) {
        const numbers = all.filter((message) => message.from === from).map(({ n }) => n);
        assert.deepEqual(numbers, from === own ? [] : range(count));
      }
    }
    const { messages } = server.status!;
    assert.deepEqual(messages, {
      channels: 1,
      subscriptions: 4,
      published: 4 * count,
      sent: 12 * count,
      dropped: 0,
    });
  });

  test("reaches each subscription of an instance, of its own channel only, until it leaves", async (t) => {
    const { server } = await open(t);
    const [here, there] = [new ArbiterTransport(server.place), new ArbiterTransport(server.place)];
    const [a, b, other] = await Promise.all([listen(here, "a"), listen(here, "a"), listen(here, "other")]);
    assert.equal(server.status!.messages.subscriptions, 2);
    await publish(there, "a", 1);
    await publish(there, "other", "text");
    await publish(there, "nobody", null);
    a.leave();
    a.leave();
    await publish(there, "a", 2);
    // This answer comes behind the message.
    await here.ask(request("get", ""));
    b.leave();
    await here.ask(request("get", ""));
    assert.equal(server.status!.messages.channels, 1);
    const again = await listen(here, "a");
    await publish(there, "a", 3);
    await publish(there, "other", "end");
    await other.until(({ length }) => length === 2);
    assert.deepEqual([a.all, b.all, again.all, other.all], [[1], [1, 2], [3], ["text", "end"]]);
  });

  test("in the chunk of the answer to its subscription is not lost", async (t) => {
    const { server } = await open(t);
    const [here, there] = [new ArbiterTransport(server.place), new ArbiterTransport(server.place)];
    await here.ask(request("get", ""));
    await there.ask(request("get", ""));
    for (const n of range(50)) {
      const heard = new Heard();
      const joined = here.join(`c${n}`, heard);
      // Both are read in one turn of the arbiter.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      await Promise.all([joined.ready, publish(there, `c${n}`, n), publish(there, `c${n}`, n)]);
      await publish(there, `c${n}`, "end");
      const all = await heard.until((some) => some.at(-1) === "end");
      assert.ok(all.length > 0 && all.length <= 3);
    }
  });

  test("that is too large is refused, and the largest arrives", async (t) => {
    const { server } = await open(t);
    const [here, there] = [new ArbiterTransport(server.place), new ArbiterTransport(server.place)];
    const heard = await listen(here, "large");
    const overhead = pack(Buffer.alloc(2 ** 20)).bytes.length - 2 ** 20;
    assert.equal((await publish(there, "large", Buffer.alloc(2 ** 20))).status, STATUS.tooLarge);
    assert.equal((await publish(there, "large", Buffer.alloc(2 ** 20 - overhead))).status, STATUS.ok);
    const [value] = await heard.until(({ length }) => length === 1);
    assert.equal((value as Buffer).length, 2 ** 20 - overhead);
  });
});

describe("an instance that does not read", () => {
  test("loses what is over its limit, learns how much, delays nobody, and is heard of once in the log", async (t) => {
    const { server, log } = await open(t, 2 ** 18);
    const [from, to] = [new ArbiterTransport(server.place), new ArbiterTransport(server.place)];
    const heard = await listen(to, "flood");
    const slow = await sleeper(t, server.place, "flood");
    const count = 400;
    const text = "x".repeat(10_000);
    for (const n of range(count)) {
      await publish(from, "flood", { n, text });
      // Nothing waits for the instance that reads.
      await heard.until(({ length }) => length === n + 1);
    }
    const { dropped, sent } = server.status!.messages;
    assert.ok(dropped > 100, `${dropped} dropped`);
    assert.equal(dropped + sent, 2 * count);
    assert.equal(log.length, 1);
    assert.match(log[0]!, /a process reads its messages too slowly, so some were dropped for it \(1 so far/);

    const reader = new FrameReader(2 ** 21);
    const got: (number | { lost: number })[] = [];
    const end = Promise.withResolvers<void>();
    slow.on("data", (chunk: Buffer) => {
      reader.push(chunk);
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        const { answer } = decodeAnswer(frame as Buffer)!;
        if (answer.status === STATUS.gap) {
          got.push({ lost: answer.number });
          // Whatever is published behind the gap arrives.
          void publish(from, "flood", { n: count });
        }
        if (answer.status === STATUS.message) {
          const { n } = unpackPacked({ kind: answer.kind, bytes: answer.value }) as { n: number };
          got.push(n);
          if (n === count) end.resolve();
        }
      }
    });
    await end.promise;
    const before = got.findIndex((each) => typeof each === "object");
    assert.deepEqual(got, [...range(before), { lost: count - before }, count]);
    assert.equal(count - before, dropped);
    assert.equal(log.length, 1);
  });

  test("keeps its answers, and gets one message of any size", async (t) => {
    const { server } = await open(t, 1000);
    const [from, to] = [new ArbiterTransport(server.place), new ArbiterTransport(server.place)];
    const heard = await listen(to, "large");
    await publish(from, "large", "x".repeat(500_000));
    await heard.until(({ length }) => length === 1);
    await to.ask({ ...request("set", "", "y".repeat(500_000)), key: "key" });
    assert.equal((await to.ask({ ...request("get", ""), key: "key" })).status, STATUS.ok);
    assert.equal(server.status!.messages.dropped, 0);
  });

  test("that ends is forgotten", async (t) => {
    const { server } = await open(t, 2 ** 16);
    const from = new ArbiterTransport(server.place);
    const slow = await sleeper(t, server.place, "flood");
    for (const n of range(200)) await publish(from, "flood", { n, text: "x".repeat(10_000) });
    assert.equal(server.status!.messages.subscriptions, 1);
    slow.destroy();
    while (server.status!.messages.subscriptions > 0) await from.ask(request("get", ""));
    const { channels, dropped } = server.status!.messages;
    assert.equal(channels, 0);
    await publish(from, "flood", 1);
    assert.equal(server.status!.messages.dropped, dropped);
  });
});

describe("a connection that breaks", () => {
  test("is made again for its subscriptions, which learn of the gap and hear what comes then", async (t) => {
    const { server } = await open(t);
    const { path, cut } = await relay(t, server.place);
    const [from, to] = [new ArbiterTransport(server.place), new ArbiterTransport(path)];
    const [a, b] = await Promise.all([listen(to, "a"), listen(to, "b")]);
    await publish(from, "a", "before");
    await a.until(({ length }) => length === 1);
    for (const round of [1, 2]) {
      await cut();
      await publish(from, "a", "lost, or late");
      await a.until((all) => all.filter((each) => typeof each === "object").length === round);
      await publish(from, "a", round);
      await a.until((all) => all.at(-1) === round);
    }
    const kept = a.all.filter((each) => each !== "lost, or late");
    assert.deepEqual(kept, ["before", { lost: undefined }, 1, { lost: undefined }, 2]);
    assert.deepEqual(b.all, [{ lost: undefined }, { lost: undefined }]);
    assert.equal(server.status!.messages.subscriptions, 2);
  });

  test("is not made again for an instance that has left all channels", async (t) => {
    const { server } = await open(t);
    const { path, cut } = await relay(t, server.place);
    const to = new ArbiterTransport(path);
    const heard = await listen(to, "a");
    await cut();
    heard.leave();
    const again = await listen(to, "a");
    assert.deepEqual([heard.all, again.all], [[], []]);
    assert.equal(server.status!.messages.subscriptions, 1);
  });

  test("is an error for a subscription that has never been one", async () => {
    const to = new ArbiterTransport(join(tmpdir(), "heddle-nobody"));
    const joined = to.join("a", new Heard());
    await assert.rejects(joined.ready, { code: "SHARED_UNAVAILABLE" });
    joined.leave();
  });
});

test("an instance may have 4,096 channels", async (t) => {
  const { server } = await open(t);
  const to = new ArbiterTransport(server.place);
  const joined = await Promise.all(range(4096).map((n) => listen(to, `c${n}`)));
  await assert.rejects(to.join("one more", new Heard()).ready, { code: "SHARED_BUSY" });
  joined[0]!.leave();
  await listen(to, "one more");
  assert.equal(server.status!.messages.subscriptions, 4096);
});

test("an instance that publishes to very many is taken from by and by, and nothing is lost", async (t) => {
  const { server } = await open(t);
  const from = new ArbiterTransport(server.place);
  const heard = await Promise.all(range(40).map(() => listen(new ArbiterTransport(server.place), "many")));
  await Promise.all(range(2000).map((n) => publish(from, "many", n)));
  for (const each of heard) assert.deepEqual(await each.until(({ length }) => length === 2000), range(2000));
});
