/** The other end of the control socket, as the commands use it: finds the server, asks, follows progress. */

import { readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fromWire, HeddleError, type WireError } from "../errors/errors.ts";
import { http } from "../platform/http.ts";
import { controlFolder } from "./paths.ts";
import type { ServerStatus } from "./status.ts";

/**
 * The control socket of the server meant: `given`, or the only one running, or the only one started in this folder.
 * Sockets of servers that are gone are removed on the way.
 * @throws HeddleError CONTROL_NO_SERVER, CONTROL_AMBIGUOUS
 */
export async function findServer(given: string | undefined, cwd: string): Promise<string> {
  if (given !== undefined && given !== "off") return given;
  const running = await listServers();
  const [first] = running;
  if (first === undefined) {
    throw new HeddleError(
      "CONTROL_NO_SERVER",
      "no heddle server of this user is running. Start one with `heddle serve app.ts`; if it was started with --control <path>, give the same here.",
    );
  }
  if (running.length === 1) return first.path;
  const here = running.filter(({ status }) => status.cwd === cwd);
  if (here.length === 1) return here[0]!.path;
  const list = running.map(({ path, status }) => `  --control ${path}  (${status.app}, ${status.urls.join(", ")})`);
  throw new HeddleError(
    "CONTROL_AMBIGUOUS",
    `${running.length} heddle servers are running. Say which one is meant:\n${list.join("\n")}`,
  );
}

async function listServers(): Promise<{ readonly path: string; readonly status: ServerStatus }[]> {
  const found = await Promise.all(
    socketsIn(controlFolder()).map(async (path) => {
      try {
        return [{ path, status: (await ask(path, "/status")) as ServerStatus }];
      } catch (error) {
        if (error instanceof HeddleError && error.code === "CONTROL_NO_SERVER") unlinkQuietly(path);
        return [];
      }
    }),
  );
  return found.flat();
}

function socketsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".sock"))
      .map((name) => join(folder, name));
  } catch {
    // No server has ever run here.
    return [];
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Another command was quicker.
  }
}

/** One question, one JSON answer. @throws HeddleError CONTROL_NO_SERVER, CONTROL_UNAVAILABLE */
export async function ask(path: string, question: string): Promise<unknown> {
  let text = "";
  for await (const line of lines(path, "GET", question)) text += line;
  return JSON.parse(text) as unknown;
}

type Line = { readonly progress: string } | { readonly done: unknown } | { readonly error: WireError };

/** A command: calls `progress` while it runs. @throws HeddleError what the server says went wrong */
export async function command(path: string, what: string, progress: (line: string) => void): Promise<unknown> {
  for await (const text of lines(path, "POST", what)) {
    const line = JSON.parse(text) as Line;
    if ("progress" in line) progress(line.progress);
    else if ("done" in line) return line.done;
    else throw fromWire(line.error);
  }
  throw new HeddleError("CONTROL_UNAVAILABLE", "the server ended before it said how the command went");
}

async function* lines(socketPath: string, method: string, path: string): AsyncGenerator<string> {
  const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    http
      .request({ socketPath, method, path }, resolve)
      .once("error", (cause: NodeJS.ErrnoException) => reject(unreachable(socketPath, cause)))
      .end();
  });
  yield* createInterface({ input: response });
}

function unreachable(path: string, cause: NodeJS.ErrnoException): HeddleError {
  switch (cause.code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return new HeddleError("CONTROL_NO_SERVER", `no heddle server answers at ${path}`, { cause });
    case "EACCES":
      return new HeddleError(
        "CONTROL_UNAVAILABLE",
        `not permitted to open ${path}: it belongs to the user who started the server`,
        { cause },
      );
    default:
      return new HeddleError("CONTROL_UNAVAILABLE", `cannot talk to the server at ${path}: ${cause.message}`, {
        cause,
      });
  }
}
