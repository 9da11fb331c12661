/**
 * An actor that runs once for all copies of the program. Each copy of a server's app runs the same code, on each thread of each worker. So
 * each of them starts the actor; the first one gets its name and begins, the others wait, and one of them begins when that one
 * has ended.
 *
 *   started ─▶ register ─▶ it has the name: its function begins
 *        ▲         └ refused ─▶ it monitors the holder
 *        └───── DOWN ───────────────┘
 *
 * It has started when it has the name (and is initialized), or when this thread knows who else has it. So whoever has started it can
 * use the name. What it gets while it waits stays in its mailbox.
 *
 * Rejected: a supervisor that starts the child only where it runs. It would need to know of the others; here the names do.
 */

import { HeddleError } from "../../errors/errors.ts";
import { mustBeFunction } from "../arguments/arguments.ts";
import type { Spawnable } from "../process/actor.ts";
import { isDown } from "../messaging/messaging.ts";
import type { Pid } from "../process/pid.ts";
import type { Body, Process } from "../process/process.ts";
import { hasStarted, isServer, markServer } from "../process/spawn.ts";
import type { Self } from "../process/self.ts";
import { checkName, registerAs, whereis } from "./registered-names.ts";

/** After a refusal, when this thread has not heard yet who has the name. */
const NEWS_MS = 10;

/**
 * Makes of an actor's function, or of a server, one of which exists in the whole server, whatever the number of workers and threads.
 * Start it in each copy of the app, as a child of the copy's supervisor. The first has the name and begins; the others wait. If
 * it ends, or its thread or worker does, another one begins, with a state of its own.
 *
 *     children: [{ id: "counter", start: [singleton("counter", counter), []] }]
 *
 * All reach it by its name: `call("counter", …)`. `spawn` resolves when this thread knows the name.
 *
 * @throws ACTOR_INVALID, NAME_REFUSED (it is no name)
 */
export function singleton<Args extends readonly unknown[], P extends Pid<never>>(
  name: string,
  what: Spawnable<Args, P> & { readonly "~spawns": P },
): Spawnable<Args, P> & { readonly "~spawns": P };
export function singleton<M, Args extends readonly unknown[]>(
  name: string,
  what: (self: Self<M>, ...args: Args) => unknown,
): (self: Self<M>, ...args: Args) => Promise<unknown>;
export function singleton(name: string, what: unknown): any {
  checkName(name);
  mustBeFunction(what, "what singleton() is given");
  const body = async (self: Self, ...args: unknown[]): Promise<unknown> => {
    await becomeTheOnly(self, name);
    // A server says itself when it has started.
    if (!isServer(what as Body)) hasStarted(self, { type: "started" });
    return await (what as (self: Self, ...args: unknown[]) => unknown)(self, ...args);
  };
  markServer(body as Body, "worker");
  return body;
}

async function becomeTheOnly(self: Self, name: string): Promise<void> {
  for (;;) {
    // There is one also while a worker is replaced: it waits until that one's has ended.
    const refused = await registerAs(name, self.pid, false).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused === undefined) return;
    const isRefused = refused instanceof HeddleError && refused.code === "NAME_REFUSED";
    // Another one may have it for ever: this one was spawned with a name of its own.
    if (!isRefused || (self as unknown as Process).extra?.name !== undefined) throw refused;
    const holder = whereis(name);
    if (holder === undefined) await self.receive(() => false, { timeoutMs: NEWS_MS });
    else {
      hasStarted(self, { type: "started" });
      const ref = self.monitor(holder);
      await self.receive((message) => isDown(message, ref));
    }
  }
}
