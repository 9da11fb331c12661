/**
 * heddle's own log: pino, as JSON lines or for people to read. Diagnostics go to standard error; the access log, which
 * is output rather than diagnosis, to standard output.
 *
 * Everything but the access log is written synchronously: the lines that matter are written just before something ends.
 */

import { createRequire } from "node:module";
import type { Logger, LoggerOptions } from "pino";
import { HeddleError, toWire } from "../errors/errors.ts";

export type LogFormat = "pretty" | "json";
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  flush(): void;
}

/**
 * The fields that tell of an error: its code if it is heddle's own (whose message is the line's message already), and
 * the error that started it with its stack.
 */
export function errorFields(error: unknown): object {
  if (!(error instanceof HeddleError)) return { err: toWire(error) };
  const { code, cause } = error;
  if (code === "INTERNAL") return { err: toWire(error) };
  return { code, ...(cause === undefined ? {} : { err: toWire(cause) }) };
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

const require = createRequire(import.meta.url);

/** Made on the first line: pino costs some 8 MB in every process and thread that has something to say. */
export function createLog(options: LogOptions): Log {
  let made: Logger | undefined;
  const logger = (): Logger => (made ??= createLogger(options));
  return {
    debug: (fields, message) => logger().debug(fields, message),
    info: (fields, message) => logger().info(fields, message),
    warn: (fields, message) => logger().warn(fields, message),
    error: (fields, message) => logger().error(fields, message),
    flush: () => made?.flush(),
  };
}

function createLogger({ format, level, fd = 2, bufferBytes = 0, base = {} }: LogOptions): Logger {
  const { pino } = require("pino") as PinoModule;
  // Errors come in their wire form already: pino's own serialiser expects an Error.
  const options: LoggerOptions = { level, base, serializers: { err: (wire: unknown) => wire } };
  if (format === "json") return pino(options, pino.destination({ fd, sync: true, minLength: bufferBytes }));
  const pretty = require("pino-pretty") as typeof import("pino-pretty");
  const colorize = process.env["NO_COLOR"] === undefined && (fd === 1 ? process.stdout : process.stderr).isTTY;
  const stream = pretty({
    colorize,
    sync: true,
    destination: fd,
    ignore: "pid,hostname",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
  return pino(options, stream);
}
