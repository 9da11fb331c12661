/**
 * The end of an app's copy, as the app knows it from a process of its own: what it has registered for SIGTERM (or, if it has
 * nothing there, for SIGINT) runs, then its `exit` listeners. Not before the last response is out: requests are finished first.
 *
 * On a worker's main thread that is the end of the process. On another thread nothing sends signals, so the listeners are called
 * by this alone, and `process.exit` ends the thread.
 *
 * If the app listens for neither signal, nobody but heddle ends the connections of the servers that it has beside the one that
 * heddle serves. Whatever still moves there may finish.
 *
 * Listeners take the time they need: the copy ends when one of them ends it, when nothing keeps it alive any more, or when
 * whoever has asked for the end runs out of patience.
 */

import { isMainThread } from "node:worker_threads";
import { othersAreQuiet } from "./listen/app-sockets.ts";
import { deliver, isListenedTo } from "../../platform/node-internals/signals.ts";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** The signal by which the app learns that it is to end, if it listens to one. */
export function endSignal(): NodeJS.Signals | undefined {
  return SIGNALS.find(isListenedTo);
}

let isEnding = false;

/** As Node ends a process for an error that nothing catches. */
const UNCAUGHT = 1;

/**
 * An error of the app that nothing catches: if its copy is at its end, that ends it, as under `node`. Nobody else would: what has failed
 * may have been about to. Returns whether it does. `tell`: logs it.
 */
export function endsByError(tell: (message: string) => void): boolean {
  if (isEnding) {
    tell("an error that nothing caught has ended this copy of the app at its end");
    process.exit(UNCAUGHT);
  }
  return false;
}

/** `letGo`: ends what the thread itself is kept alive by, so that it ends with the app's last handle. */
export function endApp(code: number, letGo: () => void): void {
  isEnding = true;
  const signal = endSignal();
  process.exitCode ??= code;
  if (signal === undefined) return void othersAreQuiet().then(() => process.exit());
  if (!isMainThread) {
    exitWhenKilled(signal);
    process.on("beforeExit", () => process.nextTick(exitUnlessBusy));
  }
  letGo();
  deliver(signal);
}

/**
 * After the app's listeners for `beforeExit`. They may have begun something: a tracer sends its last spans. But what they print is
 * a message to another thread, which would keep this one alive again and again.
 */
function exitUnlessBusy(): void {
  if (process.getActiveResourcesInfo().every((resource) => resource === "MessagePort")) process.exit();
}

/** A library may send the signal on to the process, to end by it. Here that would be the other threads' process as well. */
function exitWhenKilled(signal: NodeJS.Signals): void {
  const kill = process.kill.bind(process);
  process.kill = (pid, name) => (pid === process.pid && name === signal ? process.exit() : kill(pid, name));
}
