/** How the commands print: an answer for a program by itself; of an error the message, where in the user's code it came from, what to try. */

import { HeddleError, messageOf } from "../errors/errors.ts";

/** The reader of our output may be gone (`heddle status | head -1`, a restarted log shipper); that is not a failure. Output
 * that cannot be written because the disk is full is a failure.
 */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") return;
      if (stream === process.stdout) console.error(`heddle: the output cannot be written: ${error.message}`);
      process.exit(1);
    });
  }
}

/** A server continues when its output is lost, whatever the reason. */
export function tolerateLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/**
 * Keeps stdout for what the returned function writes. A config file or a scenario's module may print too (dotenv does): a program that
 * reads the answer could not read that, so it goes to stderr.
 */
export function reserveStdout(): (text: string) => void {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return (text) => void write(text);
}

export function printError(error: unknown): void {
  console.error(`heddle: ${describeError(error)}`);
}

/** The message, the hint, and the stack of the innermost cause with frames outside heddle and Node. For a fault in heddle
 * itself, the whole stack.
 */
export function describeError(error: unknown): string {
  const parts = [messageOf(error)];
  if (error instanceof HeddleError && error.hint !== undefined) parts.push(error.hint);
  const isOwnFault = error instanceof HeddleError && error.code === "INTERNAL";
  const stack = isOwnFault ? wholeStack(error.cause) : foreignStack(error, parts[0]!);
  if (stack !== undefined) parts.push(stack);
  if (!(error instanceof HeddleError) && error instanceof Error && error.stack !== undefined) parts.push(error.stack);
  return parts.join("\n");
}

function wholeStack(cause: unknown): string | undefined {
  if (cause === undefined) return undefined;
  return cause instanceof Error && cause.stack !== undefined ? cause.stack : messageOf(cause);
}

/** Frames of Node and of heddle; they are not printed, because the message says enough. */
const OWN = new RegExp(`node:|${RegExp.escape(new URL("..", import.meta.url).href)}`);

/** The app's own frames of the error that started it. What `message` has said already is left out. */
function foreignStack(error: unknown, message: string): string | undefined {
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  if (!(cause instanceof Error) || cause.stack === undefined) return undefined;
  const frames = cause.stack.split("\n").filter((line) => /^\s+at .*(file:\/\/|\()\//.test(line) && !OWN.test(line));
  if (frames.length === 0) return undefined;
  if (!message.includes(cause.message)) return `${cause.name}: ${cause.message}\n${collapsed(frames)}`;
  const [, file, line] = /([^/]+):(\d+):\d+\)?$/.exec(frames[0]!) ?? [];
  return frames.length === 1 && message.includes(`${file}:${line}: `) ? undefined : collapsed(frames);
}

/** A function that calls itself is printed once. */
function collapsed(frames: readonly string[]): string {
  return frames.filter((frame, i) => frame !== frames[i - 1]).join("\n");
}
