/**
 * Messages that go before those in the mailbox, and never find it full.
 *
 *   the continuation of a server (time/next-step.ts) │ priority messages, oldest first │ all others, oldest first
 */

import { Mailbox } from "./mailbox.ts";
import type { Process } from "../process/process.ts";
import { Selection } from "./wait-states.ts";

/** Ahead of everything. */
export function deliverFirst(process: Process, message: unknown): void {
  insert(process, message, "first");
}

/** Ahead of ordinary messages, behind earlier priority messages. */
export function deliverUrgent(process: Process, message: unknown): void {
  insert(process, message, "urgent");
}

function insert(process: Process, message: unknown, where: "first" | "urgent"): void {
  if (process.status === "dead") return;
  (process.mailbox ??= new Mailbox()).pushUrgent(message, where);
  process.received += 1;
  // A receive that waits has seen what is behind it. It looks again from the front.
  if (process.wait instanceof Selection) process.wait.after = -Infinity;
  process.wake();
}
