/**
 * Servers do not listen on a thread that imports a program only for its tasks: the program's own thread listens, and
 * here the port would be taken, or worse, would not be. `listen()` then returns as if it went on, and nothing comes of it.
 */

import { replaceListen } from "../../platform/node-internals/listening.ts";

/** `when`: asked at each call. */
export function ignoreListen(when: () => boolean): void {
  replaceListen((server, _args, listen) => (when() ? server : listen()));
}
