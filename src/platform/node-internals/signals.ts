/**
 * Signals of a process whose main thread runs user code. The process's own handler gets them, and the listeners of user code do
 * not: they are called when user code is to end, and not before.
 *
 * Node binds `process.emit` to each signal when its first listener is added. So it is replaced for that moment.
 */

type Emit = (name: string, ...rest: unknown[]) => boolean;

/** Stands in the lists of listeners, so that the process goes on listening to the signals. */
const placeholder = (): void => {};

/** Before any user code is loaded. */
export function takeSignals(names: readonly NodeJS.Signals[], received: (name: NodeJS.Signals) => void): void {
  const own = process as { emit?: Emit };
  const emit = (process.emit as Emit).bind(process);
  const isTaken = (name: string): name is NodeJS.Signals => names.includes(name as NodeJS.Signals);
  own.emit = (name, ...rest) => {
    if (!isTaken(name)) return emit(name, ...rest);
    received(name);
    return true;
  };
  try {
    for (const name of names) process.on(name, placeholder);
  } finally {
    // The prototype's again.
    delete own.emit;
  }
}

/** Whether user code listens to this signal. */
export function isListenedTo(name: NodeJS.Signals): boolean {
  return process.listeners(name).some((listener) => listener !== placeholder);
}

/** Calls the listeners of user code, which may end the process by this signal. */
export function deliver(name: NodeJS.Signals): void {
  // A library that ends the process when its listener is the only one should find that it is.
  process.off(name, placeholder);
  process.emit(name, name);
}
