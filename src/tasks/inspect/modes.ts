/** Modes that hold for all threads, such as tracing: sent to those that exist, and to those that come later. */

import { connected, handle, onThreadAdded, OP, tell } from "../task-service.ts";

const modes = new Map<string, unknown>();
const listeners = new Map<string, (value: unknown) => void>();

/** `listener` gets each value that any thread sets, undefined to end it. */
export function onMode(name: string, listener: (value: unknown) => void): void {
  listeners.set(name, listener);
}

/** Sets it on all threads. The value must consist of copies. */
export function setMode(name: string, value: unknown): void {
  for (const thread of connected().threads()) {
    if (thread !== connected().self) tell(thread, [OP.mode, name, value]);
  }
  applyMode(name, value);
}

function applyMode(name: string, value: unknown): void {
  if (value === undefined) modes.delete(name);
  else modes.set(name, value);
  listeners.get(name)!(value);
}

handle(OP.mode, (_from, [name, value]) => applyMode(name as string, value));

onThreadAdded((thread) => {
  for (const [name, value] of modes) tell(thread, [OP.mode, name, value]);
});
