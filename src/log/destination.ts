/** Where log lines go: a descriptor that may fail at any time, because the disk is full or the reader is gone. A failure must
 * not end the process.
 *
 * Lines that cannot be written are kept, and written when the descriptor works again. Lines beyond MAX_WAITING_BYTES are
 * lost; the log later says how many. If the reader of a pipe is gone, lines are dropped.
 */

import type { DestinationStream } from "pino";

type PinoModule = typeof import("pino");

export const MAX_WAITING_BYTES: number = 2 ** 20;
const RETRY_MS = 1000;

export interface Destination extends DestinationStream {
  /** Writes the buffered lines. */
  flush(): void;
}

export interface DestinationOptions {
  readonly fd: number;
  /** Lines are collected up to this size; 0 writes each at once. */
  readonly bufferBytes: number;
  /** Called when writing works again: this many lines were lost, for this reason. */
  readonly onLost: (lines: number, why: string) => void;
}

/** Writes synchronously. */
export function openDestination(pino: PinoModule["pino"], options: DestinationOptions): Destination {
  const { fd, bufferBytes, onLost } = options;
  const stream = pino.destination({ fd, sync: true, minLength: bufferBytes, maxLength: MAX_WAITING_BYTES });
  let isCollected = false;
  let failed: { readonly why: string; readonly timer: NodeJS.Timeout } | undefined;
  let hasWritten = false;
  let isReaderGone = false;
  let lost = 0;
  stream.on("drop", () => lost++);
  stream.on("write", () => (hasWritten = true));
  stream.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    hasWritten = false;
    clearTimeout(failed?.timer);
    isReaderGone = code === "EPIPE";
    if (isReaderGone) return;
    failed = { why: message, timer: setTimeout(flush, RETRY_MS).unref() };
  });

  /** Afterwards all waiting lines are written, or the write has failed, or the lines are still buffered. */
  function attempt(text: string | undefined): void {
    if (isReaderGone) return;
    hasWritten = false;
    // No callback: with one, flush() would also call fsync, ten times a second.
    if (text === undefined && bufferBytes > 0) stream.flush();
    else stream.write(text ?? "");
    if (failed === undefined || !hasWritten) return;
    const [lines, { why, timer }] = [lost, failed];
    clearTimeout(timer);
    failed = undefined;
    lost = 0;
    // The failed lines are written. Now write the lines that were buffered since.
    if (bufferBytes > 0) stream.flush();
    if (lines > 0) onLost(lines, why);
  }

  function flush(): void {
    if (failed === undefined && !isCollected) return;
    isCollected = false;
    attempt(undefined);
  }

  return {
    write: (line) => {
      isCollected = bufferBytes > 0;
      attempt(line);
    },
    flush,
  };
}
