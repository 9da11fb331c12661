/**
 * An app may end its own loading from outside of its import: by `process.exit`, or by an error that nothing caught. The place is
 * known only while that happens, so it is told from here, before the thread or process is gone.
 */

import { HeddleError, messageOf } from "../../../errors/errors.ts";
import { isHandledByApp } from "../uncaught-exceptions.ts";
import { firstOwnFrame, hasForeignFrame } from "./error-place.ts";
import { show } from "./near-files.ts";

/**
 * `tell` is called at most once, if the load itself does not fail. Call what is returned when the app is loaded: it throws what has
 * ended the load.
 */
export function watchLoad(file: string, tell: (error: HeddleError) => void): () => Promise<void> {
  let failure: HeddleError | undefined;
  const onExit = (code: number): void => {
    const error = exited(file, code, new Error("exit"));
    if (error !== undefined && failure === undefined) tell(error);
  };
  const onUncaught = (error: unknown): void => {
    // The app deals with it.
    if (failure !== undefined || isHandledByApp(onUncaught)) return;
    const why = uncaught(file, error);
    failure = why;
    // If this is why the app's module failed, that is told first, and better.
    setImmediate(() => tell(why));
  };
  // Before the listeners by which heddle itself leaves: on a main thread nothing can be told after them.
  process.prependListener("exit", onExit);
  process.on("uncaughtException", onUncaught);
  return async () => {
    // A rejection that nobody handles is an error only when the microtasks are done.
    await new Promise((resolve) => setImmediate(resolve));
    process.off("exit", onExit);
    process.off("uncaughtException", onUncaught);
    if (failure !== undefined) throw failure;
  };
}

/** undefined: heddle ends the thread, or Node does. `here`: made in the `exit` event, so its stack leads to who called. */
function exited(file: string, code: number, here: Error): HeddleError | undefined {
  if (!hasForeignFrame(here)) return undefined;
  const where = firstOwnFrame(here) ?? show(file);
  return new HeddleError("APP_EXITED", `${where}: the app called process.exit(${code}) while it was loading.`, {
    hint: "What it has printed before may say why.",
  });
}

function uncaught(file: string, error: unknown): HeddleError {
  const where = firstOwnFrame(error) ?? show(file);
  const what = error instanceof Error ? `${error.name}: ${messageOf(error)}` : messageOf(error);
  const message = `${where}: an error that nothing caught ended the app while it was loading. ${what}`;
  return new HeddleError("APP_IMPORT_FAILED", message, { cause: error });
}
