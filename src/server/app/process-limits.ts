/**
 * What is different of `process` for an app. What it can't have here throws at the moment of use, and names the remedy.
 *
 * On a thread: the working directory, the file mode mask and the user belong to the whole process, so Node refuses to set them
 * there. On every copy of an app: the processes are heddle's to start, and one that node:cluster forks would serve beside it. `process.exit` ends a copy whatever its listeners do.
 */

import { resolve } from "node:path";
import { isMainThread } from "node:worker_threads";
import { syncBuiltinESMExports } from "node:module";
import { HeddleError } from "../../errors/errors.ts";

/** As Node ends a process then. */
const EXIT_LISTENER_FAILED = 7;

/** Before the app is loaded, on its thread. */
export function limitProcess(): void {
  const exit = process.exit.bind(process);
  // Without an argument it takes `process.exitCode`, and with undefined it does not.
  process.exit = (...code) => {
    try {
      return exit(...code);
    } catch (error) {
      // An `exit` listener has thrown, and whoever catches that here would go on in a process that is half ended. The second
      // call does not emit `exit` again.
      console.error(error);
      return exit(EXIT_LISTENER_FAILED);
    }
  };
  // PM2's apps tell their parent with it that they are ready. Here a copy is ready when it listens, or its export does.
  if (!("send" in process)) Object.assign(process, { send, connected: false });
  if (isMainThread) return;
  process.chdir = (folder) => {
    if (resolve(folder) !== process.cwd()) throw refusal("chdir");
  };
  const umask = process.umask.bind(process);
  process.umask = (mask?: number | string) => {
    if (mask !== undefined) throw refusal("umask");
    return umask();
  };
  const refusing = (name: string) => (): never => {
    throw refusal(name);
  };
  const names = ["setuid", "setgid", "seteuid", "setegid", "setgroups", "initgroups"];
  Object.assign(process, Object.fromEntries(names.map((name) => [name, refusing(name)])));
}

/** When the app has asked for node:cluster. */
export function refuseForks(): void {
  const cluster = process.getBuiltinModule("node:cluster");
  cluster.fork = () => {
    throw new HeddleError("APP_FORKS", "the app starts processes with node:cluster, which heddle does itself.", {
      hint: "Start it with --workers N, and run in every process what the app runs in its workers: cluster.isPrimary is true in each of them.",
    });
  };
  syncBuiltinESMExports();
}

function send(_message: unknown, ...rest: unknown[]): boolean {
  const told = rest.findLast((each): each is () => void => typeof each === "function");
  if (told !== undefined) process.nextTick(told);
  return true;
}

function refusal(name: string): HeddleError {
  return new HeddleError("APP_NEEDS_PROCESS", `process.${name}() works only on a process's main thread.`, {
    hint: "Give each event loop a process of its own: --model loop --threads 1, with --workers N for several.",
  });
}
