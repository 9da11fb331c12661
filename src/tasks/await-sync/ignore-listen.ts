/**
 * Servers do not listen on a thread that imports a program only for its tasks. The program's own thread listens. Here the port
 * would be taken, or, worse, would be free. `listen()` then returns as usual, but does nothing.
 */

import { replaceListen } from "../../platform/node-internals/listening.ts";

/** `when`: called at each `listen()`. */
export function ignoreListen(when: () => boolean): void {
  replaceListen((server, _args, listen) => (when() ? server : listen()));
}
