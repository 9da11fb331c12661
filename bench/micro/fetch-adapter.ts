/**
 * The cost of running a fetch app on node:http, by adapter, as a share of a bare `(req, res)` handler.
 *
 *   node bench/micro/fetch-adapter.ts [rounds] [seconds] [app]
 *
 * Each variant is a server in its own process. A round runs `wrk` against each in turn, so that a slow minute of the machine
 * affects all of them. Compare the ratios, not the absolute numbers: server and load share the machine's cores. The server's
 * CPU time per request is the more stable metric.
 */

import { fork, execFile, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { FastResponse, toNodeHandler } from "srvx/node";
import { installFastResponse } from "../../src/server/app/fetch/fast-response.ts";
import { fetchListener } from "../../src/server/app/fetch/fetch-handler.ts";

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown;
type Fetch = (request: Request) => Response | Promise<Response>;

const hello = "Hello, world!\n";

/** `hello` is the smallest app. `json` reads the URL and a header, awaits, and sets a header on the response. */
const apps: Record<string, { bare: Handler; fetch: Fetch }> = {
  hello: {
    bare: (_req, res) => {
      res.writeHead(200, { "content-type": "text/plain;charset=UTF-8", "content-length": hello.length });
      res.end(hello);
    },
    fetch: () => new Response(hello),
  },
  json: {
    bare: async (req, res) => {
      const path = new URL(req.url ?? "/", "http://localhost").pathname;
      await Promise.resolve();
      const text = JSON.stringify({ path, agent: req.headers["user-agent"] ?? null });
      res.setHeader("x-powered-by", "node");
      res.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
      res.end(text);
    },
    fetch: async (request) => {
      const path = new URL(request.url).pathname;
      await Promise.resolve();
      const response = Response.json({ path, agent: request.headers.get("user-agent") });
      response.headers.set("x-powered-by", "heddle");
      return response;
    },
  },
};

const variants: Record<string, (app: { bare: Handler; fetch: Fetch }) => Handler> = {
  "node:http": (app) => app.bare,
  "srvx, native Response": (app) => toNodeHandler(app.fetch) as Handler,
  "srvx, its FastResponse": (app) => {
    globalThis.Response = FastResponse as unknown as typeof Response;
    return toNodeHandler(app.fetch) as Handler;
  },
  "heddle, native Response": (app) => fetchListener(app),
  "heddle, its Response": (app) => {
    installFastResponse();
    return fetchListener(app);
  },
};

function serve(variant: string, appName: string): void {
  const app = apps[appName];
  const build = variants[variant];
  if (app === undefined || build === undefined) throw new Error(`no variant ${variant} of ${appName}`);
  const handler = build(app);
  const server = createServer((req, res) => void handler(req, res)).listen(0, "127.0.0.1", () => {
    process.send?.((server.address() as AddressInfo).port);
  });
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  process.once("disconnect", () => process.exit());
}

interface Sample {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function cpuMicros(child: ChildProcess): Promise<number> {
  child.send("cpu");
  const [micros] = (await once(child, "message")) as [number];
  return micros;
}

async function sample(child: ChildProcess, port: number, seconds: number): Promise<Sample> {
  const url = `http://127.0.0.1:${port}/some/path?q=1`;
  const before = await cpuMicros(child);
  const options = { timeout: (seconds + 10) * 1000 };
  const { stdout } = await promisify(execFile)("wrk", ["-t1", "-c64", `-d${seconds}s`, url], options);
  const after = await cpuMicros(child);
  if (stdout.includes("Non-2xx")) throw new Error(stdout);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]), cpuMicros: (after - before) / requests };
}

async function measure(appName: string, rounds: number, seconds: number): Promise<void> {
  const servers: { name: string; child: ChildProcess; port: number; samples: Sample[] }[] = [];
  try {
    for (const name of Object.keys(variants)) {
      const child = fork(import.meta.filename, [], { env: { ...process.env, VARIANT: name, APP: appName } });
      const [port] = (await once(child, "message")) as [number];
      servers.push({ name, child, port, samples: [] });
    }
    for (const { child, port } of servers) await sample(child, port, 1);
    for (let round = 0; round < rounds; round++) {
      for (const { child, port, samples } of servers) samples.push(await sample(child, port, seconds));
    }
    const bare = servers[0]?.samples ?? [];
    for (const { name, samples } of servers) {
      const rate = Math.round(median(samples.map((one) => one.perSecond))).toLocaleString("en");
      const share = median(samples.map((one, round) => one.perSecond / (bare[round]?.perSecond ?? NaN)));
      const micros = median(samples.map((one) => one.cpuMicros));
      console.log(
        `${appName.padEnd(6)} ${name.padEnd(24)} ${rate.padStart(8)} req/s ${share.toFixed(2).padStart(6)} ×  ${micros.toFixed(1).padStart(6)} µs CPU`,
      );
    }
  } finally {
    for (const { child } of servers) child.disconnect();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

const { VARIANT, APP } = process.env;
if (VARIANT !== undefined && APP !== undefined) serve(VARIANT, APP);
else {
  const [rounds = "5", seconds = "3", only] = process.argv.slice(2);
  console.log(
    `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} CPUs, ${rounds} rounds of ${seconds} s`,
  );
  for (const appName of only === undefined ? Object.keys(apps) : [only])
    await measure(appName, Number(rounds), Number(seconds));
}
