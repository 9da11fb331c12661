/**
 * Where log lines go: a descriptor that may fail at any time, because the disk is full or the reader has gone. Who logs must
 * not end of that, and has nobody else to tell.
 *
 * Lines that cannot be written wait, and are written when it works again. What exceeds MAX_WAITING_BYTES is lost, and then the
 * log says how much. When the reader of a pipe has gone, lines go nowhere.
 */

import type { DestinationStream } from "pino";

type PinoModule = typeof import("pino");

export const MAX_WAITING_BYTES: number = 2 ** 20;
const RETRY_MS = 1000;

export interface Destination extends DestinationStream {
  /** Writes what was collected. */
  flush(): void;
}

export interface DestinationOptions {
  readonly fd: number;
  /** Lines are collected up to this size; 0 writes each at once. */
  readonly bufferBytes: number;
  /** It works again: so many lines are missing, for this reason. */
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

  /** All that waits is written when this is over, or it has failed, or it is collected still. */
  function attempt(text: string | undefined): void {
    if (isReaderGone) return;
    hasWritten = false;
    // Flushing without a callback: with one it would have the disk write as well, ten times a second.
    if (text === undefined && bufferBytes > 0) stream.flush();
    else stream.write(text ?? "");
    if (failed === undefined || !hasWritten) return;
    const [lines, { why, timer }] = [lost, failed];
    clearTimeout(timer);
    failed = undefined;
    lost = 0;
    // That was what had failed. This is what has been collected since.
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
