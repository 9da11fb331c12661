/** Workloads for `bench:runtime`, each named on the command line; go/main.go has the same. */

import { isMainThread } from "node:worker_threads";
import * as bare from "./bare.ts";
import { Channel, go, setSchedulerThreads, task, type Task } from "../../../src/tasks/index.ts";

type Numbers = Readonly<Record<string, number>>;

async function pingPong(): Promise<number> {
  const rounds = 1_000_000;
  const [a, b] = [new Channel<number>(), new Channel<number>()];
  const ping = go(async () => {
    for (let i = 0; i < rounds; i++) {
      await a.send(i);
      await b.receive();
    }
  });
  const pong = go(async () => {
    for (let i = 0; i < rounds; i++) await b.send((await a.receive()).value!);
  });
  await Promise.all([ping, pong]);
  return 2 * rounds;
}

/** The same without awaiting values that are there already: only an operation that really parks is awaited. */
async function pingPongTry(): Promise<number> {
  const rounds = 1_000_000;
  const [a, b] = [new Channel<number>(), new Channel<number>()];
  const ping = go(async () => {
    for (let i = 0; i < rounds; i++) {
      if (a.trySend(i) === false) await a.send(i);
      await b.receive();
    }
  });
  const pong = go(async () => {
    for (let i = 0; i < rounds; i++) {
      const { value } = await a.receive();
      if (b.trySend(value!) === false) await b.send(value!);
    }
  });
  await Promise.all([ping, pong]);
  return 2 * rounds;
}

async function pipeline(): Promise<number> {
  const [stages, values] = [1000, 1000];
  const first = new Channel<number>();
  let last = first;
  for (let i = 0; i < stages; i++) {
    const [from, to] = [last, new Channel<number>()];
    go(async () => {
      for (;;) {
        const { value, ok } = await from.receive();
        if (!ok) break;
        await to.send(value);
      }
      await to.close();
    });
    last = to;
  }
  go(async () => {
    for (let i = 0; i < values; i++) await first.send(i);
    await first.close();
  });
  while ((await last.receive()).ok);
  return stages * values;
}

async function buffered(): Promise<number> {
  const values = 5_000_000;
  const channel = new Channel<number>(128);
  go(async () => {
    for (let i = 0; i < values; i++) await channel.send(i);
    await channel.close();
  });
  while ((await channel.receive()).ok);
  return values;
}

async function bufferedTry(): Promise<number> {
  const values = 5_000_000;
  const channel = new Channel<number>(128);
  go(async () => {
    for (let i = 0; i < values; i++) if (channel.trySend(i) === false) await channel.send(i);
    await channel.close();
  });
  const consumer = go(async () => {
    for (;;) {
      const now = channel.tryReceive() as ReturnType<LocalTry>;
      if (!(now ?? (await channel.receive())).ok) return;
    }
  });
  await consumer;
  return values;
}

/** The result of `tryReceive` on the channel's own thread. */
type LocalTry = () => { readonly ok: boolean } | undefined;

async function parked(): Promise<Numbers> {
  const tasks = 1_000_000;
  const never = new Channel<number>();
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const startMs = performance.now();
  const allBegun = Promise.withResolvers<void>();
  let begun = 0;
  for (let i = 0; i < tasks; i++) {
    go(async () => {
      if (++begun === tasks) allBegun.resolve();
      await never.receive();
    });
  }
  await allBegun.promise;
  const seconds = (performance.now() - startMs) / 1000;
  return { bytesPerTask: (process.memoryUsage.rss() - before) / tasks, perSecond: tasks / seconds };
}

/** Steps of a computation that can't be optimised away. */
function steps(count: number): number {
  let state = 1;
  for (let i = 0; i < count; i++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return state;
}

/** About a millisecond. Counted in steps, because a thread's CPU clock may tick in tens of them. */
const MILLISECOND = 1_000_000;

export const compute: Task<[number], number> = task(import.meta.url, "compute", steps);

async function fanOut(threads: number): Promise<Numbers> {
  setSchedulerThreads(threads);
  // Both threads run, and have loaded the task, before the clock starts.
  await Promise.all(Array.from({ length: 200 }, () => go(compute, MILLISECOND)));
  const tasks = 10_000;
  const startMs = performance.now();
  await Promise.all(Array.from({ length: tasks }, () => go(compute, MILLISECOND)));
  return { perSecond: (1000 * tasks) / (performance.now() - startMs) };
}

export const echo: Task<[Channel<number>, Channel<number>], void> = task(
  import.meta.url,
  "echo",
  async (from: Channel<number>, to: Channel<number>) => {
    for await (const value of from) await to.send(value);
  },
);

/** A value to another thread and back, over channels that live here. */
async function echoAcross(): Promise<Numbers> {
  const [there, back] = [new Channel<number>(), new Channel<number>()];
  const echoing = go(echo, there, back);
  const micros: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    const startMs = performance.now();
    await there.send(i);
    await back.receive();
    micros.push((performance.now() - startMs) * 1000);
  }
  await there.close();
  await echoing;
  micros.sort((x, y) => x - y);
  return { p50Micros: micros[micros.length >> 1]!, p99Micros: micros[Math.floor(micros.length * 0.99)]! };
}

export const flood: Task<[Channel<number>, number], void> = task(
  import.meta.url,
  "flood",
  async (to: Channel<number>, values: number) => {
    const atOnce = 1000;
    for (let i = 0; i < values; i += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, n) => to.send(i + n)));
    }
    await to.close();
  },
);

/** One task sends from another thread, with up to a thousand values on their way. One task receives here. */
async function oneWay(): Promise<Numbers> {
  const values = 500_000;
  const run = async (): Promise<void> => {
    const channel = new Channel<number>(1024);
    const sending = go(flood, channel, values);
    while ((await channel.receive()).ok);
    await sending;
  };
  await run();
  const startMs = performance.now();
  await run();
  return { perSecond: (1000 * values) / (performance.now() - startMs) };
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
  "ping-pong": timed(pingPong),
  "ping-pong-try": timed(pingPongTry),
  pipeline: timed(pipeline),
  buffered: timed(buffered),
  "ping-pong-bare": timed(bare.pingPong),
  "pipeline-bare": timed(bare.pipeline),
  "buffered-bare": timed(bare.buffered),
  "buffered-try": timed(bufferedTry),
  parked,
  "fan-out-1": () => fanOut(1),
  "fan-out-2": () => fanOut(2),
  "echo-across": echoAcross,
  "one-way": oneWay,
};

if (isMainThread) {
  const numbers = await workloads[process.argv[2]!]!();
  console.log(`result ${JSON.stringify(numbers)}`);
  setInterval(() => {}, 60_000);
}
