/**
 * The few system calls Node has no API for, through `node:ffi`. Loaded only where one is needed: Unix sockets (dup) and
 * running as PID 1 (waitpid). TCP serving works without.
 */

import { HeddleError } from "../errors/errors.ts";

interface Libc {
  readonly dup: (fd: number) => number;
  readonly waitpid: (pid: number, status: null, options: number) => number;
}

interface Ffi {
  dlopen(
    path: string | null,
    functions: Record<string, { arguments: string[]; return: string }>,
  ): { functions: Record<string, unknown> };
}

let libc: Libc | undefined;

/** @throws HeddleError LISTEN_FAILED when this Node has no ffi. */
export async function loadNative(): Promise<void> {
  if (libc !== undefined) return;
  try {
    libc = await withoutExperimentalWarning(async () => {
      const { default: ffi } = (await import("node:ffi" as string)) as { default: Ffi };
      const { functions } = ffi.dlopen(null, {
        dup: { arguments: ["i32"], return: "i32" },
        waitpid: { arguments: ["i32", "pointer", "i32"], return: "i32" },
      });
      return functions as unknown as Libc;
    });
  } catch (cause) {
    throw new HeddleError(
      "LISTEN_FAILED",
      "Unix sockets and inherited descriptors need `node:ffi`, which this Node does not offer.",
      {
        cause,
        hint: "Use Node 26.10 or later without --no-experimental-ffi, or listen on a TCP address.",
      },
    );
  }
}

export function duplicateFd(fd: number): number {
  const copy = libc!.dup(fd);
  if (copy < 0) throw new HeddleError("INTERNAL", `dup(${fd}) failed: too many open files?`);
  return copy;
}

const WNOHANG = 1;

/** Collects a child that has ended, so that it is no zombie. Never waits. */
export function reap(pid: number): void {
  libc!.waitpid(pid, null, WNOHANG);
}

/** The warning is for users of ffi; operators can do nothing about it. */
async function withoutExperimentalWarning<T>(run: () => Promise<T>): Promise<T> {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] !== "ExperimentalWarning") Reflect.apply(emitWarning, process, [warning, ...rest]);
  }) as typeof emitWarning;
  try {
    return await run();
  } finally {
    process.emitWarning = emitWarning;
  }
}
