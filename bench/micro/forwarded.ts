/**
 * What a request costs that another instance of the app runs (`--sticky cookie`), as a multiple of one that runs where its connection is.
 *
 *   node bench/micro/forwarded.ts [rounds] [seconds]
 *
 * One server, two workers of one event loop each. A round has two parts, in turn: all connections carry the cookie of their own
 * instance, or that of the other one. Each connection has one request at a time. The CPU time of the server's processes per request is
 * the stable number; the rate and the latency depend on what else shares the cores, this client among them.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../../test/support/server.ts";

const CONNECTIONS = 8;
const APP = `export default (req, res) => res.end(process.env.HEDDLE_WORKER_INDEX);`;
const TICK_MS = 1000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

interface Client {
  readonly socket: Socket;
  readonly copy: string;
  readonly cookie: string;
}

interface Part {
  readonly requests: number;
  readonly cpuUs: number;
  readonly medianMs: number;
}

const [rounds = 5, seconds = 2] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "heddle-forwarded-"));
writeFileSync(join(folder, "app.mjs"), APP);
const server = await startServer(join(folder, "app.mjs"), [
  "-w",
  "2",
  "-t",
  "1",
  "--sticky",
  "cookie",
  "--limit-keep-alive",
  "0",
]);
try {
  await measure();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}

async function measure(): Promise<void> {
  const clients: Client[] = [];
  while (clients.length < CONNECTIONS || new Set(clients.map(({ copy }) => copy)).size < 2) clients.push(await open());
  const other = ({ copy }: Client): string => clients.find((each) => each.copy !== copy)!.cookie;
  const parts: Record<"here" | "forwarded", Part[]> = { here: [], forwarded: [] };
  for (const warm of [true, false]) {
    for (let round = 0; round < (warm ? 1 : rounds); round++) {
      const here = await run(clients, ({ cookie }) => cookie);
      const forwarded = await run(clients, other);
      if (warm) continue;
      parts.here.push(here);
      parts.forwarded.push(forwarded);
    }
  }
  for (const { socket } of clients) socket.destroy();
  const of = (name: "here" | "forwarded", what: keyof Part): number => median(parts[name].map((part) => part[what]));
  for (const name of ["here", "forwarded"] as const) {
    const rate = Math.round(of(name, "requests") / seconds);
    console.log(
      `${name.padEnd(10)} ${of(name, "cpuUs").toFixed(1)} µs of CPU a request, ${rate}/s, median ${of(name, "medianMs").toFixed(3)} ms`,
    );
  }
  for (const what of ["cpuUs", "medianMs"] as const)
    console.log(`${what}: forwarded / here = ${(of("forwarded", what) / of("here", what)).toFixed(2)}`);
}

async function open(): Promise<Client> {
  const socket = connect(server.port, "127.0.0.1").setNoDelay(true).setEncoding("latin1");
  await once(socket, "connect");
  const answer = await ask(socket, "");
  const cookie = /heddle_instance=[^;]+/.exec(answer)![0];
  return { socket, copy: answer.at(-1)!, cookie };
}

function ask(socket: Socket, cookie: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const receive = (text: string): void => {
    answer += text;
    // The app's body has one byte.
    if (!/\r\n\r\n./s.test(answer)) return;
    socket.off("data", receive);
    resolve(answer);
  };
  socket.on("data", receive);
  socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\n${cookie === "" ? "" : `cookie: ${cookie}\r\n`}\r\n`);
  return promise;
}

async function run(clients: readonly Client[], cookieFor: (client: Client) => string): Promise<Part> {
  const took: number[] = [];
  const cpuMs = serverCpuMs();
  const endMs = performance.now() + seconds * 1000;
  await Promise.all(
    clients.map(async (client) => {
      const cookie = cookieFor(client);
      while (performance.now() < endMs) {
        const startedMs = performance.now();
        await ask(client.socket, cookie);
        took.push(performance.now() - startedMs);
      }
    }),
  );
  return {
    requests: took.length,
    cpuUs: ((serverCpuMs() - cpuMs) * 1000) / took.length,
    medianMs: median(took),
  };
}

/** Of the arbiter and its workers, user and system. */
function serverCpuMs(): number {
  let ticks = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(pid) === server.pid || Number(fields[1]) === server.pid)
        ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has ended since it was listed.
    }
  }
  return ticks * TICK_MS;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
