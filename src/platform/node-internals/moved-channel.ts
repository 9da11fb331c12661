/**
 * A process's IPC channel on another of its threads than the main one. Node gives the channel to the main thread, where user
 * code would find it as `process.send` and `process.channel`, and where it stands still when that thread is blocked.
 *
 *   the parent    spawn(…, { stdio: […, "ipc"], env: { ...leftAlone, … } })   the child's main thread leaves the channel alone
 *   the child     a thread calls `openChannel(fd)`: `process.send` and its events are then that thread's
 *
 * The parent spawns as always; `NODE_CHANNEL_FD` is given twice, and the first one, which is empty, counts.
 */
// oxlint-disable no-underscore-dangle -- Node's names

import * as childProcess from "node:child_process";

type OpenChannel = (fd: number, serialization: "json" | "advanced") => void;

const open = (childProcess as unknown as { _forkChild?: OpenChannel })._forkChild;

/** Must come before every other variable. */
export const leftAlone: Readonly<Record<string, string>> = { NODE_CHANNEL_FD: "" };

/** Whether this Node can do it. */
export const canMoveChannel: boolean = typeof open === "function";

/** In the child, on its main thread, first of all: whether the channel was left alone. Hides the variable from user code. */
export function wasLeftAlone(): boolean {
  delete process.env["NODE_CHANNEL_FD"];
  delete process.env["NODE_CHANNEL_SERIALIZATION_MODE"];
  return process.send === undefined;
}

/** In the child: this thread's `process` has the channel behind `fd` from now on. JSON, as its parent has it. */
export function openChannel(fd: number): void {
  open!(fd, "json");
}
