/** A value that exists once per thread, even if the thread has loaded several copies of this package: the server may be
 * another copy than the one that the app imports, and both must use the same registry and the same rules.
 *
 * `name` identifies the value's shape: an incompatible change needs a new name.
 */
export function perThread<T extends object>(name: string, make: () => T): T {
  const globals = globalThis as { [key: symbol]: unknown };
  const key = Symbol.for(`heddle:${name}`);
  return (globals[key] ??= make()) as T;
}

/** Whether it exists, without making it. */
export function isMade(name: string): boolean {
  return (globalThis as { [key: symbol]: unknown })[Symbol.for(`heddle:${name}`)] !== undefined;
}

/** The value, if something on this thread has made it. Otherwise undefined. */
export function ifPerThread(name: string): unknown {
  return (globalThis as { [key: symbol]: unknown })[Symbol.for(`heddle:${name}`)];
}
