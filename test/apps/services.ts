/**
 * What an application needs beside it: a server of its own kind, fresh for each run of the application, without anything of an earlier
 * one. It listens on a free port of this machine and keeps nothing on disk.
 *
 * Redis: a `redis-server` that is on the PATH, or the one of this system's packages. These are downloaded by apt-get and unpacked into the
 * cache, so it need not be root, and nothing is installed.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";
import { cacheFolder } from "./install.ts";

export const services = ["redis"] as const;

export type Service = (typeof services)[number];

export interface RunningService extends AsyncDisposable {
  /** What tells the application of it. */
  readonly env: Readonly<Record<string, string>>;
}

const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 25;
const REDIS_PACKAGES = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1"];

export async function startService(service: Service | undefined): Promise<RunningService> {
  if (service === undefined) return { env: {}, [Symbol.asyncDispose]: () => Promise.resolve() };
  return await startRedis();
}

async function startRedis(): Promise<RunningService> {
  const port = await freePort();
  const { command, libraries } = await findRedis();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = spawn(command, args, {
    stdio: "ignore",
    env: { ...process.env, ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) },
  });
  const ended = once(child, "exit");
  ended.catch(() => {});
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  if (!(await accepts(port, child, PATIENCE_MS))) {
    await end();
    throw new Error(`redis-server does not listen on ${port}`);
  }
  return { env: { REDIS_PORT: String(port), REDIS_URL: `redis://127.0.0.1:${port}` }, [Symbol.asyncDispose]: end };
}

async function findRedis(): Promise<{ readonly command: string; readonly libraries?: string }> {
  const own = process.env["PATH"]?.split(":").find((folder) => existsSync(join(folder, "redis-server")));
  if (own !== undefined) return { command: join(own, "redis-server") };
  const folder = join(cacheFolder, "services", "redis");
  const command = join(folder, "usr/bin/redis-server");
  if (!existsSync(command)) await unpack(folder);
  const lib = join(folder, "usr/lib");
  const libraries = [lib, ...readdirSync(lib).map((name) => join(lib, name))].join(":");
  return { command, libraries };
}

async function unpack(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    execFileSync("apt-get", ["download", "--quiet", ...REDIS_PACKAGES], { cwd: folder, stdio: "pipe" });
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".deb")))
      execFileSync("dpkg", ["-x", name, "."], { cwd: folder, stdio: "pipe" });
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw new Error("there is no redis-server on the PATH, and apt-get can't download one; install it", { cause });
  }
}

/** Whether the child listens on the port before the time is up. */
export async function accepts(port: number, child: ChildProcess, patienceMs: number): Promise<boolean> {
  const givenUpAtMs = performance.now() + patienceMs;
  while (performance.now() < givenUpAtMs && child.exitCode === null && child.signalCode === null) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return true;
    await sleep(LOOK_AGAIN_MS);
  }
  return false;
}
