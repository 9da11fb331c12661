/**
 * Looking into a running server, and changing it: OTP's `sys`. For servers of all kinds: `genServer`, `genStatem`, supervisors.
 * The server's side is desk.ts.
 */

import { mustBeDuration, mustBeFunction } from "../arguments/arguments.ts";
import { ExitError, type ExitReason } from "../process/exit-reason.ts";
import { callFailed, DEFAULT_CALL_TIMEOUT_MS, startControl } from "../messaging/calls.ts";
import type { DownMessage } from "../process/exit-signals.ts";
import type { Pid } from "../process/pid.ts";
import { Process } from "../process/process.ts";
import type { Self } from "../process/self.ts";
import { spawn } from "../process/spawn.ts";
import { resolveName } from "../registry/registered-names.ts";
import { changes, type DeskAnswer, type DeskRequest, type TracedKind, type TraceNote } from "./desk.ts";

/** What happens in a traced server. */
export interface TraceEvent {
  readonly server: Pid;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /**
   * `in`: a message is about to be handled. `reply`: a call was answered. `state`: the state after a callback. `down`: the
   * server has exited, and `value` is the reason; the last event.
   */
  readonly what: TracedKind | "down";
  /** A text instead, if it cannot be copied. */
  readonly value: unknown;
}

/** How often a busy server's state may change while a new one is made from it. */
const MAX_TRIES = 100;

/** A tracer that cannot keep up loses old events. */
const TRACE_LIMIT = 10_000;

let lastChange = 0;

/**
 * A copy of a server's state, between two of its callbacks. Of a `genStatem`: `{ state, data }`. Of a supervisor: its strategy
 * and children.
 *
 * @param timeoutMs Default 5000, as for all functions here.
 * @throws NOT_CLONEABLE if the state cannot be copied; ExitError as with `call`: ACTOR_CALL_TIMEOUT if it is busy, or an actor
 * that is not a server
 */
export async function getState<State = unknown>(server: Pid<never> | string, timeoutMs?: number): Promise<State> {
  return ((await ask(server, { op: "getState" }, timeoutMs)) as { readonly state: State }).state;
}

/**
 * Replaces a server's state by what `change` makes of it, between two callbacks. For repairs and tests; a program changes the
 * state by calls and casts. On this thread `change` gets the state itself and runs in the server. For a server of another
 * thread it gets a copy, and is called again if the state has changed meanwhile.
 *
 * @throws what `change` throws; ACTOR_INVALID for a supervisor; ACTOR_CALL_FAILED (`busy`) if the state changes all the time; otherwise like `getState`
 */
export async function replaceState<State = any>(
  server: Pid<never> | string,
  change: (state: State) => State,
  timeoutMs?: number,
): Promise<void> {
  mustBeFunction(change, "the change of replaceState()");
  if (resolveName(server as Pid | string, "the server of replaceState()") instanceof Process) {
    const number = ++lastChange;
    changes.set(number, change);
    try {
      await ask(server, { op: "changeState", change: number }, timeoutMs);
    } finally {
      changes.delete(number);
    }
    return;
  }
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { state, version } = (await ask(server, { op: "getState" }, timeoutMs)) as { state: State; version: number };
    if ((await ask(server, { op: "setState", state: change(state), version }, timeoutMs)) === true) return;
  }
  throw new ExitError(
    "busy",
    "ACTOR_CALL_FAILED",
    `the state of ${String(server)} changes faster than it is replaced.`,
  );
}

/**
 * Suspends a server: calls, casts and messages wait in its mailbox until `resume`. It still answers the functions here, and
 * `stop`. Its timers run on.
 */
export async function suspend(server: Pid<never> | string, timeoutMs?: number): Promise<void> {
  await ask(server, { op: "suspend" }, timeoutMs);
}

/** Lets a suspended server go on. */
export async function resume(server: Pid<never> | string, timeoutMs?: number): Promise<void> {
  await ask(server, { op: "resume" }, timeoutMs);
}

/**
 * Calls `listener` with each message that the server handles, each reply of a callback, and each new state, on this thread. If
 * more than 10,000 events wait, the oldest are lost.
 *
 * @returns a function that ends it
 */
export async function trace(
  server: Pid<never> | string,
  listener: (event: TraceEvent) => void,
  timeoutMs?: number,
): Promise<() => Promise<void>> {
  mustBeFunction(listener, "the listener of trace()");
  if (timeoutMs !== undefined) mustBeDuration(timeoutMs, "the timeout of trace()");
  const pid = mustResolve(server);
  const tracer = await spawn(
    async (self: Self<TraceNote | DownMessage | "end">) => {
      self.monitor(pid);
      for (;;) {
        const note = await self.receive();
        if (note === "end") return;
        if ("what" in note) listener({ server: pid, ...note });
        else return listener({ server: pid, what: "down", atMs: Date.now(), value: note.reason });
      }
    },
    [],
    { mailbox: { limit: TRACE_LIMIT, overflow: "dropOldest" } },
  );
  const end = (): void => (tracer as Process).deliverSignal("end");
  try {
    await ask(pid, { op: "trace", to: tracer }, timeoutMs);
  } catch (error) {
    end();
    throw error;
  }
  return async () => {
    try {
      await ask(pid, { op: "untrace", to: tracer }, timeoutMs);
    } catch (error) {
      // It has exited, so there is nothing to end.
      if (!(error instanceof ExitError) || error.code !== "ACTOR_CALL_FAILED") throw error;
    } finally {
      end();
    }
  };
}

function mustResolve(server: Pid<never> | string): Pid {
  const pid = resolveName(server as Pid | string, "the server");
  if (pid === undefined) throw callFailed(server as string, "noproc" satisfies ExitReason);
  return pid;
}

async function ask(
  server: Pid<never> | string,
  request: DeskRequest,
  timeoutMs: number = DEFAULT_CALL_TIMEOUT_MS,
): Promise<unknown> {
  let answer: DeskAnswer;
  try {
    answer = (await startControl(mustResolve(server), request, timeoutMs)) as DeskAnswer;
  } catch (error) {
    // The state could not be sent.
    if (error instanceof ExitError && (error.reason as { code?: unknown } | null)?.code === "NOT_CLONEABLE")
      throw error.reason;
    throw error;
  }
  if ("failed" in answer) throw answer.failed;
  return answer.value;
}
