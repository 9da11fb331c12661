/** The ways to run an application: bare, and the shapes of heddle that the matrix has. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free-port.ts";
import { runHeddle, startServer } from "../support/server.ts";
import { type AppRecord, type HeddleShape, mainFile } from "./record.ts";
import { accepts, startService } from "./services.ts";

export type Shape = "bare" | HeddleShape;

export interface ShapeOptions {
  readonly args: readonly string[];
  /** How many copies of the application end with a generation, at least. */
  readonly copies: number;
}

export const shapeOptions: Readonly<Record<HeddleShape, ShapeOptions>> = {
  default: { args: ["--workers", "2"], copies: 2 },
  "threads 2": { args: ["--threads", "2"], copies: 2 },
  "model threads": { args: ["--model", "threads", "--threads", "2"], copies: 2 },
};

export interface Running extends AsyncDisposable {
  readonly port: number;
  reload(): Promise<void>;
  /** SIGTERM. Resolves when it has ended by itself, with what its hooks have written. */
  stop(): Promise<{ readonly code: number | null; readonly cleanup: readonly string[] }>;
  /** What the preloaded monitor.ts has seen. */
  monitored(): Promise<readonly string[]>;
  output(): string;
}

const MONITOR = fileURLToPath(new URL("monitor.ts", import.meta.url));
const START_PATIENCE_MS = 60_000;
/** Less than heddle's graceful timeout: an application whose hook leaves something alive is to be seen. */
const STOP_PATIENCE_MS = 20_000;

export async function start(app: AppRecord, folder: string, shape: Shape, isMonitored: boolean): Promise<Running> {
  const port = await freePort();
  const scratch = await mkdtemp(join(tmpdir(), "heddle-matrix-"));
  const files = { cleanup: join(scratch, "cleanup"), monitor: join(scratch, "monitor") };
  await Promise.all(Object.values(files).map((file) => appendFile(file, "")));
  const service = await startService(app.service).catch(async (error: unknown) => {
    await rm(scratch, { recursive: true, force: true });
    throw error;
  });
  const preloads = [app.nodeOptions ?? "", isMonitored ? `--import ${MONITOR}` : ""];
  const env = {
    ...app.env,
    ...service.env,
    PORT: String(port),
    CLEANUP_FILE: files.cleanup,
    MONITOR_FILE: files.monitor,
    NODE_OPTIONS: preloads.join(" ").trim(),
  };
  const launch = shape === "bare" ? startBare : startHeddle;
  const place = { app, folder, port, env, shape, control: join(scratch, "control") };
  try {
    const { reload, end, stop, output } = await launch(place);
    return {
      port,
      reload,
      output,
      monitored: async () => linesOf(await readFile(files.monitor, "utf8")),
      stop: async () => ({ code: await stop(), cleanup: linesOf(await readFile(files.cleanup, "utf8")) }),
      [Symbol.asyncDispose]: async () => {
        await end();
        await service[Symbol.asyncDispose]();
        await rm(scratch, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await service[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true, force: true });
    throw error;
  }
}

interface Place {
  readonly app: AppRecord;
  readonly folder: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly shape: Shape;
  readonly control: string;
}

interface Launched {
  readonly reload: () => Promise<void>;
  readonly stop: () => Promise<number | null>;
  readonly end: () => Promise<unknown>;
  readonly output: () => string;
}

async function startBare({ app, folder, port, env }: Place): Promise<Launched> {
  const child = spawn(process.execPath, [mainFile(app)], {
    cwd: folder,
    env: { ...inherited(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: Buffer): void => void (output += String(chunk));
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = once(child, "exit") as Promise<[number | null]>;
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await exited;
  };
  if (!(await accepts(port, child, START_PATIENCE_MS))) {
    await end();
    throw new Error(`it does not listen; its output:\n${output}`);
  }
  return {
    reload: () => Promise.reject(new Error("a bare application has no reload")),
    stop: () => ended(child, exited),
    end,
    output: () => output,
  };
}

async function startHeddle({ app, folder, port, env, shape, control }: Place): Promise<Launched> {
  const { args } = shapeOptions[shape as HeddleShape];
  const server = await startServer(
    mainFile(app),
    [...args, ...(app.args ?? []), "-p", String(port), "--control", control],
    {
      cwd: folder,
      env,
    },
  );
  return {
    reload: async () => {
      const { code, stdout, stderr } = await runHeddle(["reload", "--control", control]);
      if (code !== 0) throw new Error(`heddle reload ended with ${code}: ${stdout}${stderr}`);
    },
    stop: () =>
      ended(
        server.child,
        server.exited.then(({ code }) => [code]),
      ),
    end: async () => {
      if (server.child.exitCode === null && server.child.signalCode === null) server.child.kill("SIGKILL");
      await server.exited;
    },
    output: () => `${server.stdout()}${server.stderr()}`,
  };
}

/** npm's variables would be the application's settings otherwise. */
function inherited(): Readonly<Record<string, string | undefined>> {
  const names = Object.keys(process.env).filter((name) => !/^(npm_|HEDDLE_|NODE_|PORT$)/.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

async function ended(child: ChildProcess, exited: Promise<readonly [number | null]>): Promise<number | null> {
  child.kill("SIGTERM");
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(reject, STOP_PATIENCE_MS, new Error(`it has not ended in ${STOP_PATIENCE_MS} ms`));
  try {
    const [code] = await Promise.race([exited, promise]);
    return code;
  } finally {
    clearTimeout(timer);
  }
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}
