/** heddle's own log: pino, as JSON lines or in readable form. Diagnostics go to standard error; the access log goes to
 * standard output.
 *
 * Everything except the access log is written synchronously: important lines are written just before a process ends.
 */

import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { count } from "../errors/count.ts";
import type { Logger } from "pino";
import { HeddleError, messageOf, toWire } from "../errors/errors.ts";
import { openDestination } from "./destination.ts";

export type LogFormat = "pretty" | "json";
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  flush(): void;
}

/** The log fields of an error: code and hint of a HeddleError (its message is already the line's message), and the original
 * error with its stack.
 */
export function errorFields(error: unknown): object {
  if (!(error instanceof HeddleError)) return { err: toWire(error) };
  const { code, hint, cause } = error;
  if (code === "INTERNAL") return { err: toWire(error) };
  return { code, ...(hint !== undefined && { hint }), ...(cause !== undefined && { err: toWire(cause) }) };
}

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** 1 or 2. */
  readonly fd?: number;
  /** Lines are collected up to this size; 0 (the default) writes each at once. */
  readonly bufferBytes?: number;
  /** Fields of every line, such as the worker's pid. */
  readonly base?: object;
}

type PinoModule = typeof import("pino");

interface Made {
  readonly logger: Logger;
  readonly flush: () => void;
}

const require = createRequire(import.meta.url);

/** The levels heddle writes, with pino's numbers. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/** Made on the first line: pino takes some 8 MB in every process and thread that logs. If it cannot be loaded (a process
 * without free descriptors cannot read files), the line is written without it.
 */
export function createLog(options: LogOptions, make: (options: LogOptions) => Made = createLogger): Log {
  let made: Made | undefined;
  const write =
    (level: keyof typeof LEVELS) =>
    (fields: object, message: string): void => {
      try {
        made ??= make(options);
      } catch (cause) {
        writePlainly(options, level, { ...fields, log: `pino could not be loaded: ${messageOf(cause)}` }, message);
        return;
      }
      made.logger[level](fields, message);
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    flush: () => made?.flush(),
  };
}

/** The same line in JSON, whatever the format. */
function writePlainly(
  { level: lowest, fd = 2, base }: LogOptions,
  level: keyof typeof LEVELS,
  fields: object,
  message: string,
): void {
  const isWanted = lowest === "trace" || (lowest in LEVELS && LEVELS[lowest as keyof typeof LEVELS] <= LEVELS[level]);
  if (!isWanted) return;
  try {
    writeSync(fd, `${JSON.stringify({ level: LEVELS[level], time: Date.now(), ...base, ...fields, msg: message })}\n`);
  } catch {
    // The reader is gone; the line is dropped, as in destination.ts.
  }
}

function createLogger({ format, level, fd = 2, bufferBytes = 0, base = {} }: LogOptions): Made {
  const { pino } = require("pino") as PinoModule;
  const destination = openDestination(pino, {
    fd,
    bufferBytes,
    onLost: (lines, why) => logger.warn({ lines }, `${count(lines, "line")} of this log could not be written: ${why}`),
  });
  const stream = format === "json" ? destination : { write: prettily(fd, (line) => destination.write(line)) };
  // Errors come in their wire form already: pino's own serialiser expects an Error.
  const logger = pino({ level, base, serializers: { err: (wire: unknown) => wire } }, stream);
  return { logger, flush: () => destination.flush() };
}

function prettily(fd: number, write: (line: string) => void): (line: string) => void {
  const { prettyFactory } = require("pino-pretty") as typeof import("pino-pretty");
  const format = prettyFactory({
    colorize: process.env["NO_COLOR"] === undefined && (fd === 1 ? process.stdout : process.stderr).isTTY,
    ignore: "pid,hostname",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
  return (line) => write(format(line));
}
