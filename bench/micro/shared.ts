/**
 * `heddle/shared` beside Redis on the same machine: a counter and a value of 1 KiB, one operation after another and a hundred at once.
 *
 *   node bench/micro/shared.ts [rounds] [operations]
 *
 * Each store is a process of its own, reached over a Unix socket from this one. Redis is measured if `redis-server` is on the PATH
 * (`apt-get install redis-server`), with a client that only writes commands and counts replies: what a program pays at least.
 * A round measures each in turn. Compare the ratios: the two processes share the machine's cores with all else.
 */

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { shared } from "../../src/shared/index.ts";
import { SHARED_VARIABLE } from "../../src/shared/transport.ts";
import { SharedServer } from "../../src/server/arbiter/shared/shared-server.ts";

interface Subject {
  increment(): Promise<unknown>;
  get(): Promise<unknown>;
}

const AT_ONCE = 100;
const value = "x".repeat(1024);

async function serve(): Promise<void> {
  const server = await SharedServer.open(
    { sharedMemoryBytes: 2 ** 26, sharedValueBytes: 2 ** 20 },
    { warn: (_fields, message) => console.error(message) },
  );
  process.send!(server.place);
  process.once("disconnect", () => {
    server.close();
    process.exit();
  });
}

async function heddle(place: string): Promise<Subject> {
  process.env[SHARED_VARIABLE] = place;
  await shared.set("value", value);
  return { increment: () => shared.increment("n"), get: () => shared.get("value") };
}

/** Replies come in the order of the commands. One is `:1\r\n`, or `$1024\r\n…\r\n`. */
class Redis implements Subject {
  readonly #socket: Socket;
  readonly #waiting: (() => void)[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #unsent = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  increment(): Promise<void> {
    return this.send("*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n");
  }

  get(): Promise<void> {
    return this.send("*2\r\n$3\r\nGET\r\n$5\r\nvalue\r\n");
  }

  send(command: string): Promise<void> {
    if (this.#unsent === "") {
      process.nextTick(() => {
        this.#socket.write(this.#unsent);
        this.#unsent = "";
      });
    }
    this.#unsent += command;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      let end = this.#rest.indexOf("\r\n", at) + 2;
      if (end === 1) break;
      if (this.#rest[at] === 0x24) end += Number(this.#rest.toString("latin1", at + 1, end - 2)) + 2;
      if (end > this.#rest.length) break;
      at = end;
      this.#waiting.shift()!();
    }
    this.#rest = this.#rest.subarray(at);
  }
}

async function redis(folder: string): Promise<{ readonly child: ChildProcess; readonly subject: Subject }> {
  const path = join(folder, "redis.sock");
  const args = ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder];
  const child = spawn("redis-server", args, { stdio: "ignore" });
  while (!existsSync(path)) {
    if (child.exitCode !== null) throw new Error(`redis-server has ended with code ${child.exitCode}`);
    await sleep(50);
  }
  const socket = connect({ path });
  await once(socket, "connect");
  const subject = new Redis(socket);
  await subject.send(`*3\r\n$3\r\nSET\r\n$5\r\nvalue\r\n$${value.length}\r\n${value}\r\n`);
  return { child, subject };
}

type Workload = (subject: Subject, operations: number) => Promise<void>;

const workloads: Readonly<Record<string, Workload>> = {
  "increment, one by one": (subject, operations) => inTurn(() => subject.increment(), operations / 10),
  "get of 1 KiB, one by one": (subject, operations) => inTurn(() => subject.get(), operations / 10),
  "increment, 100 at once": (subject, operations) => inBatches(() => subject.increment(), operations),
  "get of 1 KiB, 100 at once": (subject, operations) => inBatches(() => subject.get(), operations),
};

async function inTurn(run: () => Promise<unknown>, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await run();
}

async function inBatches(run: () => Promise<unknown>, count: number): Promise<void> {
  for (let i = 0; i < count; i += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, run));
}

async function measure(subjects: Readonly<Record<string, Subject>>, rounds: number, operations: number): Promise<void> {
  for (const [name, run] of Object.entries(workloads)) {
    const rates: Record<string, number[]> = {};
    for (let round = 0; round <= rounds; round++) {
      for (const [who, subject] of Object.entries(subjects)) {
        const startedMs = performance.now();
        await run(subject, operations);
        const count = name.includes("one by one") ? operations / 10 : operations;
        // The first round warms up.
        if (round > 0) (rates[who] ??= []).push((count / (performance.now() - startedMs)) * 1000);
      }
    }
    const base = rates["heddle"] ?? [];
    for (const [who, of] of Object.entries(rates)) {
      const ratio = median(of.map((rate, round) => (base[round] ?? Number.NaN) / rate));
      const rate = Math.round(median(of)).toLocaleString("en");
      const beside = of === base ? "" : `  heddle has ${ratio.toFixed(2)} × its rate`;
      console.log(
        `${name.padEnd(26)} ${who.padEnd(8)} ${rate.padStart(9)}/s  ${(1e6 / median(of)).toFixed(1)} µs each${beside}`,
      );
    }
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function hasRedis(): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, "redis-server")));
}

async function main(): Promise<void> {
  const [rounds = "5", operations = "50000"] = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), "heddle-bench-"));
  const arbiter = fork(import.meta.filename, ["--serve"]);
  let peer: Awaited<ReturnType<typeof redis>> | undefined;
  try {
    const [place] = (await once(arbiter, "message")) as [string];
    const subjects: Record<string, Subject> = { heddle: await heddle(place) };
    if (hasRedis()) {
      peer = await redis(folder);
      subjects["redis"] = peer.subject;
    }
    console.log(
      `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} CPUs, ${rounds} rounds, medians${peer === undefined ? "; no redis-server on the PATH" : ""}`,
    );
    await measure(subjects, Number(rounds), Number(operations));
  } finally {
    arbiter.disconnect();
    peer?.child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit();
}

await (process.argv[2] === "--serve" ? serve() : main());
