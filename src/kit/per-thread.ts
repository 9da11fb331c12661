/**
 * What there is once in each thread, however many copies of this package the thread has loaded: the server that runs an
 * app may be another copy than the one the app imports, and both must find the same registry and the same rules.
 *
 * `name` stands for a shape: what changes incompatibly gets another name.
 */
export function perThread<T extends object>(name: string, make: () => T): T {
  const globals = globalThis as { [key: symbol]: unknown };
  const key = Symbol.for(`heddle:${name}`);
  return (globals[key] ??= make()) as T;
}
