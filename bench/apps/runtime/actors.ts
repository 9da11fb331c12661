/** Workloads of actors for `bench:runtime`, each named on the command line; erlang/workloads.erl has the same. */

import { isMainThread } from "node:worker_threads";
import {
  actor,
  call,
  exit,
  genServer,
  reply,
  schedulerThreads,
  send,
  setSchedulerThreads,
  spawn,
  type Actor,
  type From,
  type Pid,
  type Self,
  type ServerPid,
} from "../../../src/actors/index.ts";

type Numbers = Readonly<Record<string, number>>;

async function parked(): Promise<Numbers> {
  const actors = 1_000_000;
  const pids: Pid[] = [];
  const allBegun = Promise.withResolvers<void>();
  let begun = 0;
  const body = async (self: Self): Promise<void> => {
    if (++begun === actors) allBegun.resolve();
    await self.receive();
  };
  globalThis.gc?.();
  const before = process.memoryUsage();
  const startMs = performance.now();
  for (let i = 0; i < actors; i++) pids.push(await spawn(body));
  await allBegun.promise;
  const seconds = (performance.now() - startMs) / 1000;
  globalThis.gc?.();
  const after = process.memoryUsage();
  return {
    bytesPerActor: (after.heapUsed - before.heapUsed) / pids.length,
    residentPerActor: (after.rss - before.rss) / pids.length,
    perSecond: actors / seconds,
  };
}

type Token = { readonly hops: number; readonly tag: string };

/** A message object goes around a thousand actors; each hop copies it. */
async function ring(): Promise<number> {
  const [actors, hops] = [1000, 3_000_000];
  const done = Promise.withResolvers<void>();
  const body = async (self: Self<Token | Pid>, following: Pid | undefined): Promise<void> => {
    const to = following ?? ((await self.receive()) as Pid);
    for (;;) {
      const { hops, tag } = (await self.receive()) as Token;
      if (hops === 0) return done.resolve();
      send(to, { hops: hops - 1, tag });
    }
  };
  const first: Pid = await spawn(body, [undefined]);
  const pids = [first];
  for (let i = 1; i < actors; i++) pids.push(await spawn(body, [pids.at(-1)]));
  send(first, pids.at(-1));
  send(first, { hops, tag: "token" });
  await done.promise;
  for (const pid of pids) exit(pid, "kill");
  return hops;
}

export const adder: Actor<[], ServerPid<[number, number]>> = actor(
  import.meta.url,
  "adder",
  genServer({ init: () => 0, handleCall: (n: number) => ({ reply: n + 1 }) }),
) as never;

/** Runs as an actor, and resolves to its result. */
async function asActor<T>(run: (self: Self) => Promise<T>): Promise<T> {
  const result = Promise.withResolvers<T>();
  await spawn(async (self: Self) => result.resolve(await run(self)));
  return await result.promise;
}

async function calls(): Promise<number> {
  const count = 500_000;
  const server = await spawn(adder);
  await asActor(async (self) => {
    for (let i = 0; i < count; i++) await self.call(server, i);
  });
  exit(server, "kill");
  return count;
}

/** The median time of a call, with this many messages unread. */
async function callMicros(unread: number): Promise<Numbers> {
  const server = await spawn(adder);
  return await asActor(async (self) => {
    for (let i = 0; i < 20_000; i++) await self.call(server, i);
    for (let i = 0; i < unread; i++) send(self.pid, i);
    return await latencies(5000, (i) => self.call(server, i));
  });
}

async function latencies(count: number, once: (i: number) => Promise<unknown>): Promise<Numbers> {
  const micros: number[] = [];
  for (let i = 0; i < count; i++) {
    const startMs = performance.now();
    await once(i);
    micros.push((performance.now() - startMs) * 1000);
  }
  micros.sort((a, b) => a - b);
  return { p50Micros: micros[count >> 1]!, p99Micros: micros[Math.floor(count * 0.99)]! };
}

async function callAcross(): Promise<Numbers> {
  setSchedulerThreads(1);
  const server = await spawn(adder, [], { on: (await schedulerThreads())[0]! });
  return await asActor(async (self) => {
    await latencies(2000, (i) => self.call(server, i));
    return await latencies(20_000, (i) => self.call(server, i));
  });
}

export const sink: Actor<[]> = actor(import.meta.url, "sink", async (self: Self) => {
  for (;;) {
    const message = (await self.receive()) as { readonly n?: number; readonly request?: number; readonly from?: From };
    if (message.from !== undefined) reply(message.from, true);
  }
});

async function oneWayAcross(): Promise<number> {
  const [count, atOnce] = [1_000_000, 10_000];
  setSchedulerThreads(1);
  const there = await spawn(sink, [], { on: (await schedulerThreads())[0]! });
  for (let i = 0; i < count; i += atOnce) {
    for (let n = 0; n < atOnce; n++) send(there, { n });
    // At most this many are on their way.
    await call(there as never, "all?" as never, Infinity);
  }
  return count;
}

async function pingPong(): Promise<number> {
  const rounds = 1_000_000;
  await asActor(async (self) => {
    const pong = await spawn(async (other: Self<{ from: Pid; n: number }>) => {
      for (;;) {
        const { from, n } = await other.receive();
        send(from, { n });
      }
    });
    for (let n = 0; n < rounds; n++) {
      send(pong, { from: self.pid, n });
      await self.receive();
    }
    exit(pong, "kill");
  });
  return 2 * rounds;
}

/** Every actor pings all others and waits for all answers. */
async function big(): Promise<number> {
  const actors = 700;
  let left = actors;
  const done = Promise.withResolvers<void>();
  const body = async (self: Self): Promise<void> => {
    const peers = (await self.receive()) as Pid[];
    for (const peer of peers) if (peer !== self.pid) send(peer, { ping: self.pid });
    let answers = 0;
    let pings = 0;
    while (answers < actors - 1 || pings < actors - 1) {
      const message = (await self.receive()) as { readonly ping?: Pid };
      if (message.ping === undefined) answers++;
      else {
        pings++;
        send(message.ping, { pong: true });
      }
    }
    if (--left === 0) done.resolve();
  };
  const pids = await Promise.all(Array.from({ length: actors }, () => spawn(body)));
  for (const pid of pids) send(pid, pids);
  await done.promise;
  return 2 * actors * (actors - 1);
}

/** A hundred creatures meet in pairs at one place. */
async function chameneos(): Promise<number> {
  const [creatures, meetings] = [100, 500_000];
  const done = Promise.withResolvers<void>();
  const mall = await spawn(async (self: Self<{ from: Pid; color: number }>) => {
    for (let left = meetings; left > 0; left--) {
      const first = await self.receive();
      const second = await self.receive();
      send(first.from, { color: second.color });
      send(second.from, { color: first.color });
    }
    done.resolve();
    for (;;) await self.receive();
  });
  const body = async (self: Self<{ color: number }>, first: number): Promise<void> => {
    let color = first;
    for (;;) {
      send(mall, { from: self.pid, color });
      const other = (await self.receive()).color;
      if (other !== color) color = 3 - color - other;
    }
  };
  const pids = await Promise.all(Array.from({ length: creatures }, (_, i) => spawn(body, [i % 3])));
  await done.promise;
  for (const pid of [mall, ...pids]) exit(pid, "kill");
  return meetings;
}

/** Actors that get one message and exit. */
async function forkJoinCreate(): Promise<number> {
  const actors = 400_000;
  let left = actors;
  const done = Promise.withResolvers<void>();
  for (let i = 0; i < actors; i++) {
    const pid = await spawn(async (self: Self<{ n: number }>) => {
      await self.receive();
      if (--left === 0) done.resolve();
    });
    send(pid, { n: i });
  }
  await done.promise;
  return actors;
}

/** Sixty actors that get 50,000 messages each. */
async function forkJoinThroughput(): Promise<number> {
  const [actors, messages] = [60, 50_000];
  let left = actors;
  const done = Promise.withResolvers<void>();
  const body = async (self: Self<{ n: number }>): Promise<void> => {
    for (let i = 0; i < messages; i++) await self.receive();
    if (--left === 0) done.resolve();
  };
  const pids = await Promise.all(Array.from({ length: actors }, () => spawn(body)));
  for (let n = 0; n < messages; n++) for (const pid of pids) send(pid, { n });
  await done.promise;
  return actors * messages;
}

/** A tree of actors, ten branches each, a million leaves; numbers are summed up to the root. */
async function skynet(): Promise<number> {
  const leaves = 1_000_000;
  const node = async (self: Self<{ sum: number }>, parent: Pid, first: number, size: number): Promise<void> => {
    if (size === 1) return send(parent, { sum: first });
    const part = size / 10;
    for (let i = 0; i < 10; i++) await spawn(node, [self.pid, first + i * part, part]);
    let sum = 0;
    for (let i = 0; i < 10; i++) sum += (await self.receive()).sum;
    send(parent, { sum });
  };
  const sum = await asActor(async (self) => {
    await spawn(node, [self.pid, 0, leaves]);
    return ((await self.receive()) as { sum: number }).sum;
  });
  if (sum !== (leaves * (leaves - 1)) / 2) throw new Error(`the sum is wrong: ${sum}`);
  return leaves;
}

/** Once to warm up, once to measure. */
function timed(run: () => Promise<number>): () => Promise<Numbers> {
  return async () => {
    await run();
    const startMs = performance.now();
    return { perSecond: (1000 * (await run())) / (performance.now() - startMs) };
  };
}

const workloads: Readonly<Record<string, () => Promise<Numbers>>> = {
  parked,
  ring: timed(ring),
  calls: timed(calls),
  "call-empty": () => callMicros(0),
  "call-500000": () => callMicros(500_000),
  "call-across": callAcross,
  "one-way-across": timed(oneWayAcross),
  "ping-pong": timed(pingPong),
  big: timed(big),
  chameneos: timed(chameneos),
  "fork-join-create": timed(forkJoinCreate),
  "fork-join-throughput": timed(forkJoinThroughput),
  skynet: timed(skynet),
};

if (isMainThread) {
  const numbers = await workloads[process.argv[2]!]!();
  console.log(`result ${JSON.stringify(numbers)}`);
  setInterval(() => {}, 60_000);
}
