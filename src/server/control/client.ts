/** The other end of the control socket, as the commands use it: finds the server, asks, follows progress. */

import { readdirSync, realpathSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { count } from "../../errors/count.ts";
import { fromWire, HeddleError, type WireError } from "../../errors/errors.ts";
import { http } from "../../platform/http.ts";
import { identityOf, kindAt, removeIfSame } from "../../platform/owned-file.ts";
import { whyTooLong } from "../../platform/unix-socket.ts";
import { controlFolder } from "./paths.ts";
import type { ServerStatus } from "./status.ts";

/** Finds the control socket: `given`, or that of the only running server, or of the only one that was started in this folder.
 * Removes the sockets of dead servers.
 * @throws HeddleError CONTROL_NO_SERVER, CONTROL_AMBIGUOUS
 */
export async function findServer(given: string | undefined, cwd: string): Promise<string> {
  if (given !== undefined && given !== "off") return given;
  const running = await listServers();
  const [first] = running;
  if (first === undefined) {
    throw new HeddleError(
      "CONTROL_NO_SERVER",
      "no heddle server of this user is running. Start one with `heddle serve app.ts`; if it was started with --control <path>, use the same path here.",
    );
  }
  if (running.length === 1) return first.path;
  const here = running.filter(({ status }) => realFolder(status.cwd) === realFolder(cwd));
  if (here.length === 1) return here[0]!.path;
  const list = running.map(({ path, status }) => `  --control ${path}  (${status.app}, ${status.urls.join(", ")})`);
  throw new HeddleError(
    "CONTROL_AMBIGUOUS",
    `${count(running.length, "heddle server")} are running. Choose one with --control:\n${list.join("\n")}`,
  );
}

/** A server may have been started through a symbolic link. */
function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // The server has ended.
    return path;
  }
}

async function listServers(): Promise<{ readonly path: string; readonly status: ServerStatus }[]> {
  const found = await Promise.all(
    socketsIn(controlFolder()).map(async (path) => {
      const identity = identityOf(path);
      try {
        return [{ path, status: (await ask(path, "/status")) as ServerStatus }];
      } catch (error) {
        if (error instanceof HeddleError && error.code === "CONTROL_NO_SERVER") removeIfSame(path, identity);
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

/** One question, one JSON answer. @throws HeddleError CONTROL_NO_SERVER, CONTROL_UNAVAILABLE, or the error that the server reports */
export async function ask(path: string, question: string): Promise<unknown> {
  let text = "";
  for await (const line of lines(path, "GET", question)) text += line;
  const answer = parse(path, text);
  if (isError(answer)) throw fromWire(answer.error);
  const isExpected = EXPECTED[question]?.(answer) ?? true;
  if (!isExpected) throw notHeddle(path);
  return answer;
}

/** Whoever listens there may answer in JSON too, such as an app on a socket of its own: what heddle's answer is told by. */
const EXPECTED: Readonly<Record<string, (answer: unknown) => boolean>> = {
  "/status": (answer) => typeof (answer as Partial<ServerStatus> | null)?.counters === "object",
  "/threads": Array.isArray,
  "/tree": Array.isArray,
};

type Line = { readonly progress: string } | { readonly done: unknown } | { readonly error: WireError };

function isLine(value: unknown): value is Line {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as { progress?: unknown }).progress === "string" || "done" in value || isError(value);
}

function isError(value: unknown): value is { readonly error: WireError } {
  const { error } = (value ?? {}) as { readonly error?: Partial<WireError> | null };
  return typeof error?.code === "string" && typeof error.message === "string";
}

export interface CommandOptions {
  readonly progress: (line: string) => void;
  /** Also waits for the end of the server's process, after which its port is free. */
  readonly untilItEnds?: boolean;
}

/** Runs a command and calls `progress` meanwhile. @throws HeddleError the error that the server reports */
export async function command(path: string, what: string, options: CommandOptions): Promise<unknown> {
  let done: { readonly value: unknown } | undefined;
  try {
    for await (const text of lines(path, "POST", what)) {
      const line = parse(path, text);
      if (!isLine(line)) throw notHeddle(path);
      if ("progress" in line) options.progress(line.progress);
      else if ("error" in line) throw fromWire(line.error);
      else done = { value: line.done };
      if (done !== undefined && options.untilItEnds !== true) break;
    }
  } catch (error) {
    // The server's end cuts the connection; its answer was already complete.
    if (done === undefined) throw error;
  }
  if (done !== undefined) return done.value;
  throw new HeddleError("CONTROL_UNAVAILABLE", "the server ended before it reported the result of the command");
}

/** The arbiter answers the head of a command at once, and everything else within its own, shorter, limits. */
const SILENCE_MS = 5000;

async function* lines(socketPath: string, method: string, path: string): AsyncGenerator<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = http
      .request({ socketPath, method, path }, resolve)
      .once("error", (cause: NodeJS.ErrnoException) => reject(unreachable(socketPath, cause)))
      .once("timeout", () => asking.destroy(new Error(`no answer within ${SILENCE_MS} ms`)));
    asking.setTimeout(SILENCE_MS).end();
  });
  // From here on there is no time limit.
  response.socket.setTimeout(0);
  response.setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      yield* parts;
    }
  } catch (cause) {
    throw brokenOff(socketPath, cause as NodeJS.ErrnoException);
  }
  if (rest !== "") yield rest;
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw notHeddle(path, cause);
  }
}

function notHeddle(path: string, cause?: unknown): HeddleError {
  const message = `the process that answers at ${path} is not a heddle server`;
  return new HeddleError("CONTROL_UNAVAILABLE", message, cause === undefined ? {} : { cause });
}

/** The connection broke after the answer had begun. */
function brokenOff(path: string, cause: NodeJS.ErrnoException): HeddleError {
  if (cause.code !== "ECONNRESET") return unreachable(path, cause);
  return new HeddleError("CONTROL_UNAVAILABLE", "the server ended before it reported the result of the command", {
    cause,
  });
}

function unreachable(path: string, cause: NodeJS.ErrnoException): HeddleError {
  switch (cause.code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ECONNREFUSED":
      return nobody(path, cause);
    case "EACCES":
      return new HeddleError(
        "CONTROL_UNAVAILABLE",
        `not permitted to open ${path}: it belongs to the user who started the server`,
        { cause },
      );
    case "ECONNRESET":
    case "EPIPE":
      return new HeddleError("CONTROL_UNAVAILABLE", `the server at ${path} closed the connection without an answer`, {
        cause,
        hint: "It has ended, or has no file descriptors left: its log says so.",
      });
    default:
      return new HeddleError(
        "CONTROL_UNAVAILABLE",
        `cannot talk to the server at ${path}: ${whyTooLong(path) ?? cause.message}`,
        { cause },
      );
  }
}

/** Nobody listens there. */
function nobody(path: string, cause: Error): HeddleError {
  const kind = kindAt(path);
  const message = `no heddle server answers at ${path}`;
  switch (kind) {
    case "nothing":
      return new HeddleError("CONTROL_NO_SERVER", `${message}: nothing is there`, {
        cause,
        hint: "Its server has ended, or was started with another --control.",
      });
    case "a socket":
    case "a symbolic link":
      return new HeddleError("CONTROL_NO_SERVER", `${message}: nobody listens on this socket any more`, {
        cause,
        hint: "Its server was killed, or its machine was. The next server with the same --control takes it over.",
      });
    default:
      // Not the remains of a server: findServer must not remove it.
      return new HeddleError("CONTROL_UNAVAILABLE", `${message}: this is ${kind}, and not a socket`, { cause });
  }
}
