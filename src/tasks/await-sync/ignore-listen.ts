/**
 * Servers do not listen on a thread that imports a program only for its tasks: the program's own thread listens, and
 * here the port would be taken, or worse, would not be. `listen()` then returns as if it went on, and nothing comes of it.
 */

import { Server } from "node:net";

/** `when`: asked at each call. */
export function ignoreListen(when: () => boolean): void {
  const listen = Reflect.get(Server.prototype, "listen") as (...args: unknown[]) => Server;
  Reflect.set(Server.prototype, "listen", function (this: Server, ...args: unknown[]): Server {
    return when() ? this : Reflect.apply(listen, this, args);
  });
}
