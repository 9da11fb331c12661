/**
 * V8's options for a worker process. Pure.
 *
 * V8 has a thread pool for garbage collection and compilation: four threads on any machine, each with its own memory. On two
 * CPUs that are busy with requests, one thread is enough: hello worlds ran equally fast, and a worker took 4 to 9 MB less. A
 * `--v8-pool-size` on the command line or in NODE_OPTIONS overrides this.
 */

const V8_DEFAULT_THREADS = 4;

/** `execArgv`: the arbiter's own options, which its workers get too. */
export function workerFlags(cpus: number, execArgv: readonly string[], nodeOptions: string = ""): string[] {
  const isChosen = [...execArgv, ...nodeOptions.split(/\s+/)].some((option) => /^--v8[-_]pool[-_]size/.test(option));
  const threads = Math.max(1, Math.min(V8_DEFAULT_THREADS, cpus - 1));
  return isChosen || threads === V8_DEFAULT_THREADS ? [...execArgv] : [...execArgv, `--v8-pool-size=${threads}`];
}
