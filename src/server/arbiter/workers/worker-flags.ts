/**
 * V8's options for a worker process. Pure.
 *
 * V8 has a thread pool for garbage collection and compilation: four threads on any machine, each with its own memory. On two
 * CPUs that are busy with requests, one thread is enough: hello worlds ran equally fast, and a worker took 4 to 9 MB less. A
 * `--v8-pool-size` on the command line or in NODE_OPTIONS overrides this.
 *
 * `--no-force-async-hooks-checks`: an actor that computes without end in the callback of a timer can be ended there
 * (runtime/interruption.ts). Node's stack of async ids is then not empty, and Node would end the process for that. A thread of the
 * worker has the flag from its process.
 *
 * Without `--env-file`: Node has read it for the arbiter, whose variables a worker has. It may be gone by now, and its path is relative to
 * the folder where the arbiter was started.
 */

const V8_DEFAULT_THREADS = 4;

/** `execArgv`: the arbiter's own options, which its workers get too. */
export function workerFlags(cpus: number, execArgv: readonly string[], nodeOptions: string = ""): string[] {
  const isChosen = [...execArgv, ...nodeOptions.split(/\s+/)].some((option) => /^--v8[-_]pool[-_]size/.test(option));
  const threads = Math.max(1, Math.min(V8_DEFAULT_THREADS, cpus - 1));
  const pool = isChosen || threads === V8_DEFAULT_THREADS ? [] : [`--v8-pool-size=${threads}`];
  return [...withoutEnvFiles(execArgv), ...pool, "--no-force-async-hooks-checks"];
}

function withoutEnvFiles(options: readonly string[]): string[] {
  const isEnvFile = (option: string | undefined): boolean => /^--env-file(?:-if-exists)?$/.test(option ?? "");
  return options.filter((option, i) => !isEnvFile(option.split("=", 1)[0]) && !isEnvFile(options[i - 1]));
}
