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

export interface Warning {
  readonly message: string;
  readonly code: string | undefined;
}

/**
 * Holds back the warnings that `matches` knows, until `release`, which emits those that `isWanted`. Nothing else is held.
 * Most warnings go through `process.emitWarning`, which emits them later. Node's module loader emits some at once.
 */
export function holdWarnings(matches: (warning: Warning) => boolean): {
  release: (isWanted: (warning: Warning) => boolean) => void;
} {
  const held: { readonly warning: Warning; readonly emit: () => void }[] = [];
  let isHolding = true;
  const hold = (warning: Warning, emit: () => void): void => {
    if (isHolding && matches(warning)) held.push({ warning, emit });
    else emit();
  };
  const restore = [
    replace("emitWarning", (emit) => (args) => hold(warningOf(args), () => emit(args))),
    replace("emit", (emit) => (args) => {
      if (args[0] !== "warning") return emit(args);
      hold(warningOf(args.slice(1)), () => emit(args));
      return true;
    }),
  ];
  return {
    release: (isWanted) => {
      isHolding = false;
      for (const put of restore) put();
      for (const { warning, emit } of held) if (isWanted(warning)) emit();
    },
  };
}

type Call = (args: readonly unknown[]) => unknown;

/** A method of `process`. Returns what puts it back; if somebody else has replaced it meanwhile, theirs stays and calls this one. */
function replace(name: string, replacement: (original: Call) => Call): () => void {
  const original = Reflect.get(process, name) as () => unknown;
  const before = Object.getOwnPropertyDescriptor(process, name);
  const call = replacement((args) => Reflect.apply(original, process, args));
  const method = (...args: readonly unknown[]): unknown => call(args);
  Object.defineProperty(process, name, { value: method, configurable: true, writable: true, enumerable: true });
  return () => {
    if (Reflect.get(process, name) !== method) return;
    Reflect.deleteProperty(process, name);
    if (before !== undefined) Object.defineProperty(process, name, before);
  };
}

/** `emitWarning(warning, type, code)` or `emitWarning(warning, { code })`. */
function warningOf([warning, options, third]: readonly unknown[]): Warning {
  const message = warning instanceof Error ? warning.message : String(warning);
  const ofError: unknown = warning instanceof Error && "code" in warning ? warning.code : undefined;
  const ofOptions: unknown =
    typeof options === "object" && options !== null && "code" in options ? options.code : third;
  const code = ofOptions ?? ofError;
  return { message, code: typeof code === "string" ? code : undefined };
}
