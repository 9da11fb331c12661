/** Actors that may run on any thread: functions with an address (runtime/module-registry.ts). */

import { ModuleRegistry, type Address } from "../../runtime/module-registry.ts";
import { perThread } from "../../kit/per-thread.ts";
import { registerReferences } from "../../runtime/copy/references.ts";
import type { Pid } from "./pid.ts";
import type { Body } from "./process.ts";
import type { Self } from "./self.ts";

/** What `spawn` takes: a function with a certain type of pid. Made by `genServer` and `supervisor`. */
export interface Spawnable<Args extends readonly unknown[] = never, P extends Pid<never> = Pid<never>> {
  (self: never, ...args: Args): unknown;
  /** For its type only. */
  readonly "~spawns"?: P;
}

/** One whose type of pid is told, and not taken from what it receives: a server, a state machine, a supervisor. */
export type Spawns<Args extends readonly unknown[], P extends Pid<never>> = Spawnable<Args, P> & {
  readonly "~spawns": P;
};

/**
 * An actor that may be spawned on any thread. It can be sent in messages, for example in a child specification.
 */
export class Actor<Args extends readonly unknown[] = any, P extends Pid<never> = Pid> implements Address {
  /** For its type only. */
  declare readonly "~spawns"?: P;
  readonly url: string;
  readonly name: string;
  readonly body: Spawnable<Args, P>;

  constructor(url: string, name: string, body: Spawnable<Args, P>) {
    this.url = url;
    this.name = name;
    this.body = body;
  }
}

type AnyActor = Actor;

const registry: ModuleRegistry<AnyActor> = perThread(
  "actors",
  () =>
    new ModuleRegistry<AnyActor>({
      kind: "actor",
      invalid: "ACTOR_INVALID",
      duplicate: "ACTOR_DUPLICATE",
      notFound: "ACTOR_NOT_FOUND",
      moduleFailed: "ACTOR_MODULE_FAILED",
    }),
);

/**
 * Defines an actor. Call it at the top level of a module, so that the actor exists on every thread that imports the module:
 *
 *     export const room = actor(import.meta.url, "room", async (self: Self<Line>, title: string) => { … });
 *
 * @throws ACTOR_INVALID, ACTOR_DUPLICATE
 */
export function actor<Args extends readonly unknown[], P extends Pid<never>>(
  url: string,
  name: string,
  body: Spawns<Args, P>,
): Actor<Args, P>;
export function actor<M, Args extends readonly unknown[]>(
  url: string,
  name: string,
  body: (self: Self<M>, ...args: Args) => unknown,
): Actor<Args, Pid<M>>;
export function actor(url: string, name: string, body: Body): AnyActor {
  const made = new Actor(url, name, body as Spawnable<any, Pid>);
  registry.add(made, body, made);
  return made;
}

/** The actor of this address, on this thread. */
export function resolveActor(address: Address): Promise<AnyActor> {
  return registry.resolve(address);
}

registerReferences<AnyActor>({
  tag: "actor",
  isPortable: true,
  prototypes: [Actor.prototype],
  encode: ({ url, name }) => [url, name],
  decode: (data) => {
    const [url, name] = data as readonly [string, string];
    // Its body is looked up when it is spawned. Here it is only passed on.
    return registry.find({ url, name }) ?? new Actor(url, name, unresolved);
  },
});

const unresolved: Spawnable<any, Pid> = () => {
  throw new TypeError("an actor of another thread is resolved before it is spawned");
};

/** Whether the actor came from another thread and its module was not imported here. */
export function isUnresolved(actor: AnyActor): boolean {
  return actor.body === unresolved;
}
