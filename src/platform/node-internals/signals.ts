/**
 * Signals of a process whose main thread runs user code. The process's own handler gets them, and the listeners of user code do
 * not: they are called when user code is to end, and not before.
 *
 * Node binds `process.emit` to each signal when its first listener is added. So it is replaced for that moment. An app that removes all
 * listeners of a signal (`process.removeAllListeners("SIGTERM")`) would end that, so it is done anew at once.
 */

import { constants } from "node:os";

type Emit = (name: string, ...rest: unknown[]) => boolean;

/** Stands in the lists of listeners, so that the process goes on listening to the signals. */
const placeholder = (): void => {};

/** From now on user code gets it. */
const delivered = new Set<string>();

/** Before any user code is loaded. */
export function takeSignals(names: readonly NodeJS.Signals[], received: (name: NodeJS.Signals) => void): void {
  for (const name of names) take(name, received);
  process.on("removeListener", (name, listener) => {
    const isTaken = names.find((each) => each === name);
    if (isTaken !== undefined && listener === placeholder && !delivered.has(isTaken)) take(isTaken, received);
  });
}

function take(taken: NodeJS.Signals, received: (name: NodeJS.Signals) => void): void {
  // User code may have one of its own.
  const before = Object.getOwnPropertyDescriptor(process, "emit");
  const emit = (process.emit as Emit).bind(process);
  const own: Emit = (name, ...rest) => {
    if (name !== taken) return emit(name, ...rest);
    received(taken);
    return true;
  };
  Object.defineProperty(process, "emit", { value: own, configurable: true, writable: true });
  try {
    process.on(taken, placeholder);
  } finally {
    Reflect.deleteProperty(process, "emit");
    if (before !== undefined) Object.defineProperty(process, "emit", before);
  }
}

/** Whether user code listens to this signal. */
export function isListenedTo(name: NodeJS.Signals): boolean {
  return process.listeners(name).some((listener) => listener !== placeholder);
}

/** Calls the listeners of user code, which may end the process by this signal. */
export function deliver(name: NodeJS.Signals): void {
  // A library that ends the process when its listener is the only one should find that it is.
  delivered.add(name);
  process.off(name, placeholder);
  // As Node does: `process.on("SIGTERM", (name, number) => process.exit(128 + number))`.
  (process.emit as Emit)(name, name, constants.signals[name]);
}
