/** What a state machine gets, and what it answers. */

import type { ExitReason } from "../process/exit-reason.ts";
import type { From } from "../messaging/calls.ts";

export type StateEvent<State = any, Request = any, Cast = any, Info = any> =
  | { readonly type: "call"; readonly from: From; readonly request: Request }
  | { readonly type: "cast"; readonly message: Cast }
  /** A message of `send`, an exit or DOWN message. */
  | { readonly type: "info"; readonly message: Info }
  /** From `events` of an earlier answer. */
  | { readonly type: "internal"; readonly message: any }
  /** The state was entered, if `enterCalls` is set. `from`: the state before; at the start the state itself. */
  | { readonly type: "enter"; readonly from: State }
  | { readonly type: "stateTimeout" }
  | { readonly type: "eventTimeout" }
  | { readonly type: "timeout"; readonly name: string };

/** Milliseconds from now on. 0 or less: at once. `Infinity` or `cancel`: never. */
export type TimeoutMs = number | "cancel";

/** What a state function answers. Whatever is left out stays as it is. */
export interface StateAnswer<State = any, Data = any> {
  /** The next state. If it differs from the current one, postponed events are retried, and the state timeout is cancelled. */
  readonly state?: State;
  readonly data?: Data;
  /** Only for a call: its reply. */
  readonly reply?: unknown;
  /** Replies to calls that were not replied to before. */
  readonly replies?: readonly (readonly [from: From, reply: unknown])[];
  /** The event is kept, and retried after the next change of state. */
  readonly postpone?: boolean;
  /** Events of the type `internal`, handled in this order before all others. */
  readonly events?: readonly unknown[];
  /** A change of state cancels it. */
  readonly stateTimeoutMs?: TimeoutMs;
  /** Any event cancels it. */
  readonly eventTimeoutMs?: TimeoutMs;
  /** By name. Only time and `cancel` end them. One that is set already is set again. */
  readonly timeouts?: Readonly<Record<string, TimeoutMs>>;
  /** With `enterCalls`: the enter call is repeated though the state stays. */
  readonly reenter?: boolean;
  /** Ends the machine, after its replies were sent. */
  readonly stop?: ExitReason;
}

/** The result of a machine's `init`: the first state and its data, and optionally events and timeouts. */
export type FirstAnswer<State, Data> = Omit<
  StateAnswer<State, Data>,
  "postpone" | "reply" | "replies" | "reenter" | "stop"
> & {
  readonly state: State;
  readonly data: Data;
};
