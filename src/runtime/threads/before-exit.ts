/**
 * Node's event `beforeExit`, which says that nothing keeps the loop alive. The runtime learns from it that this thread has no work, and then
 * asks the other threads, which gives the loop work again. So Node emits it several times where a program expects it once.
 * Here the runtime gets it first, and decides whether the program's listeners do.
 *
 * Rejected: a listener. All listeners of an event are called, and in their order.
 */

export interface Emission {
  /** Tells the program's listeners. Returns whether they have begun something that keeps the loop alive. */
  readonly tell: () => boolean;
}

type Emit = (this: NodeJS.Process, event: string, ...args: unknown[]) => boolean;

/** Called at each `beforeExit`, instead of the program's listeners. */
export function attendBeforeExit(attend: (emission: Emission) => void): void {
  // oxlint-disable-next-line unbound-method -- it is called with the process again
  const emit = process.emit as Emit;
  const held: Emit = function (event, ...args) {
    if (event !== "beforeExit") return Reflect.apply(emit, this, [event, ...args]);
    attend({
      tell: () => {
        // Whoever writes to them first opens handles that do not keep the loop alive and yet count.
        void [process.stdout, process.stderr];
        const before = process.getActiveResourcesInfo().length;
        Reflect.apply(emit, this, [event, ...args]);
        return process.getActiveResourcesInfo().length > before;
      },
    });
    return true;
  };
  process.emit = held as typeof process.emit;
}
