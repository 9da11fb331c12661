/**
 * # design: actors
 * The handler runs on the connection's own serving thread, as under `loop`, and each request is an actor: it has a pid and a mailbox,
 * may `receive`, `call`, `monitor` and `spawn` with a link, and can be told to exit. A crash ends that actor, and its request with
 * 500. What depends on it learns of that by links and monitors.
 *
 * The actors of a thread's requests are children of one supervisor (`actors/supervisor/hosted.ts`), temporary and never restarted:
 * nobody can send the request again but its client.
 *
 * An actor begins at once, on the stack that has read its request, and not in a turn of the run queue. So the order of bytes is that
 * of `loop`, and a request that only answers costs an object and an async context. See docs/decisions/actors-model.md.
 */

import type { Model } from "./model.ts";

export const actors: Model = {
  name: "actors",
  capabilities: { upgrades: true },
  load: async () => {
    const { loadRequestActors } = await import("./actors/running-actors.ts");
    return await loadRequestActors();
  },
};
