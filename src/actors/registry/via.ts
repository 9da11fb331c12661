/** An actor's address in a registry (keyed-registry.ts), for wherever a pid or a name is expected. Looked up at each use. */

import { inspect } from "node:util";
import type { Pid } from "../process/pid.ts";

export abstract class Via {
  /** The actor that has the key now. */
  abstract resolve(): Pid | undefined;
  /** Registers an actor that is being spawned. */
  abstract claim(pid: Pid): Promise<void>;
  /** `registry/key` */
  abstract toString(): string;
}

Object.defineProperty(Via.prototype, inspect.custom, {
  value(this: Via): string {
    return `via(${this.toString()})`;
  },
});
