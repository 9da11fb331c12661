/** Node's own warnings about features that heddle uses knowingly. */

/** Runs `run` without warnings of this type. They are for developers; operators can do nothing about them. */
export async function withoutWarnings<T>(type: string, run: () => Promise<T>): Promise<T> {
  const emit: unknown = Reflect.get(process, "emitWarning");
  const quieter = (...args: readonly unknown[]): void => {
    if (args[1] !== type) Reflect.apply(emit as () => void, process, args);
  };
  Reflect.set(process, "emitWarning", quieter);
  try {
    return await run();
  } finally {
    Reflect.set(process, "emitWarning", emit);
  }
}
