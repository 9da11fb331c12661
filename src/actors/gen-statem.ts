/**
 * State machines: servers whose answer to an event depends on their state, like OTP's `gen_statem`.
 *
 *     const door = genStatem({
 *       init: (_self, code: string) => ({ state: "locked", data: { code } }),
 *       states: {
 *         locked: (event, { code }) => (event.type === "cast" && event.message === code ? { state: "open", stateTimeoutMs: 5000 } : {}),
 *         open: (event) => (event.type === "stateTimeout" ? { state: "locked" } : { postpone: true }),
 *       },
 *     });
 *
 * The rules of events, timeouts and enter calls are in statem/machine.ts. `call`, `cast`, `send` and `stop` work as with a
 * `genServer`, also for `terminate` and for errors.
 */

import { type Awaitable, ignore } from "./gen-server.ts";
import type { Spawns } from "./process/actor.ts";
import type { ActorProcess } from "./process/actor-process.ts";
import type { ExitReason } from "./process/exit-reason.ts";
import type { Self, ServerPid } from "./process/self.ts";
import { hasStarted, markServer } from "./process/spawn.ts";
import { checkedFirst, checkMachine } from "./statem/answers.ts";
import type { FirstAnswer, StateAnswer, StateEvent } from "./statem/events.ts";
import { Machine } from "./statem/machine.ts";

interface CommonCallbacks<State, Data, Args extends readonly unknown[]> {
  /** Returns the first state and its data. If it throws, the machine does not start. */
  readonly init: (self: Self, ...args: Args) => Awaitable<FirstAnswer<State, Data> | typeof ignore>;
  /** Whether each state is told that it was entered, by an event of the type `enter`. Default false. */
  readonly enterCalls?: boolean;
  /** Runs last. If it throws, that becomes the reason. */
  readonly terminate?: (reason: ExitReason, state: State, data: Data) => Awaitable<void>;
}

/** One of two forms: a function for each state, which must be a string; or one function for all states, which may be objects. */
export type StateCallbacks<State, Data, Args extends readonly unknown[], Request, Cast, Info> = CommonCallbacks<
  State,
  Data,
  Args
> &
  (
    | {
        readonly states: {
          readonly [Name in State & string]: (
            event: StateEvent<State, Request, Cast, Info>,
            data: Data,
          ) => Awaitable<StateAnswer<State, Data> | void>;
        };
      }
    | {
        readonly handleEvent: (
          event: StateEvent<State, Request, Cast, Info>,
          state: State,
          data: Data,
        ) => Awaitable<StateAnswer<State, Data> | void>;
      }
  );

/**
 * Makes a state machine from its callbacks, for `spawn` or `actor()`. `spawn` resolves when `init` has.
 *
 * Differences from OTP: callbacks may be async. States that are objects are the same if they are deeply equal. A timeout has a name
 * and no content; put that into the data.
 *
 * @throws ACTOR_INVALID
 */
export function genStatem<
  State = string,
  Data = any,
  Args extends readonly unknown[] = [],
  Request = any,
  Reply = any,
  Cast = any,
  Info = any,
>(
  callbacks: StateCallbacks<State, Data, Args, Request, Cast, Info>,
): Spawns<Args, ServerPid<[Request, Reply], Cast, Info>> {
  checkMachine(callbacks);
  const { init, enterCalls = false, terminate } = callbacks;
  const { states } = callbacks as Partial<ManyHandlers>;
  const stateNames = states && new Set<unknown>(Object.keys(states));
  const handle = handlerOf(callbacks as AnyCallbacks);
  const body = async (self: Self, ...args: Args): Promise<void> => {
    const process = self as unknown as ActorProcess;
    const first = await init(self, ...args);
    // It was killed, or its init took too long.
    if (process.status === "dead") return undefined;
    if (first === ignore) return hasStarted(self, { type: "ignored" });
    const answer = checkedFirst(first, stateNames);
    hasStarted(self, { type: "started" });
    const machine = new Machine(process, {
      stateNames,
      enterCalls,
      handle,
      terminate: (...args) => terminate?.(...(args as [any, any, any])),
    });
    await machine.run(answer);
  };
  markServer(body as never, "worker");
  return body as never;
}

type AnyCallbacks = StateCallbacks<any, any, readonly unknown[], any, any, any>;
type Handler = (event: StateEvent, state: unknown, data: unknown) => unknown;

interface ManyHandlers {
  readonly states: Readonly<Record<string, (event: StateEvent, data: unknown) => unknown>>;
}

/** No machine gets into a state that it has no function for (statem/answers.ts). */
function handlerOf(callbacks: AnyCallbacks): Handler {
  if ("handleEvent" in callbacks && callbacks.handleEvent !== undefined) return callbacks.handleEvent;
  const { states } = callbacks as unknown as ManyHandlers;
  return (event, state, data) => states[state as string]!(event, data);
}
