/**
 * Go's select: waits on several channel operations and executes exactly one of them.
 *
 * Cases on this thread's channels are checked in one synchronous stretch, so readiness is judged at one instant. If some
 * channels live on other threads, see select-across.ts.
 */

import { HeddleError } from "../../errors/errors.ts";
import { badDuration, isDuration } from "../../kit/durations.ts";
import { Channel, coreOf, isNil } from "../channel/channel.ts";
import type { ChannelCore } from "../channel/channel-core.ts";
import type { ReceiveOnly, SendOnly } from "../channel/directions.ts";
import { LocalChannel } from "../channel/local-channel.ts";
import { forgetMoves, rememberMoves } from "../channel/moves.ts";
import { selectAcross } from "./select-across.ts";
import type { AnyCase, Happened, SendCase } from "./select-case.ts";
import { attemptHere, parkHere } from "./select-here.ts";
import { transferOf } from "../jobs/transfer.ts";
import { isTimeUp } from "../../runtime/run-queue.ts";
import { nextTurn } from "../waiter.ts";
import type { Transferable } from "node:worker_threads";

/** A case of a select. `R` is the result of its function. */
export interface Case<R> {
  /** For `select` only. */
  readonly case: AnyCase;
  /** For its type only. */
  readonly result?: R | undefined;
}

/** The result of a case's function. */
export type ResultOf<C> = C extends Case<infer R> ? Awaited<R> : never;

export interface SelectOptions<O> {
  /** Runs if no case is ready: at once, or within `timeoutMs` if that is given too. */
  readonly otherwise?: () => O;
  /** How long to wait. 0 or less: not at all. Without `otherwise`, select then throws SELECT_TIMEOUT. Default: for ever. */
  readonly timeoutMs?: number;
}

/**
 * Receives, and calls `run` with the value. When the channel is closed and empty, `ok` is false, and the value is undefined
 * whatever its type says. If the channel is `undefined` or `Channel.nil`, the case is never chosen.
 */
export function receiveFrom<T, R = void>(
  channel: ReceiveOnly<T> | undefined,
  run?: (value: T, ok: boolean) => R | PromiseLike<R>,
): Case<R> {
  const core = checkedCore(channel, run, "receiveFrom");
  return {
    case: {
      core,
      direction: "receive",
      run: ({ value, ok }) => run?.(value as T, ok),
    },
  };
}

/**
 * Sends. `transfer` as in `Channel.send`. But a channel of another thread is offered a copy, because the case may not happen.
 * When it has happened, the buffers in the list are emptied here. An object that can only be moved, such as a port, cannot be
 * offered there: NOT_CLONEABLE.
 */
export function sendTo<T, R = void>(
  channel: SendOnly<T> | undefined,
  value: T,
  run?: () => R | PromiseLike<R>,
  transfer: readonly Transferable[] = transferOf([value]),
): Case<R> {
  const core = checkedCore(channel, run, "sendTo");
  return {
    case: {
      core,
      direction: "send",
      value,
      transfer,
      run: () => run?.(),
    },
  };
}

/**
 * Waits until one of the cases can happen, executes it, runs its function, and returns the function's result. Among several
 * ready cases the choice is random. Without cases it waits for ever, or until the timeout.
 *
 * @throws HeddleError SELECT_TIMEOUT, CHANNEL_CLOSED (a case sends on a closed channel), CHANNEL_LOST, NOT_CLONEABLE, TASK_INVALID; and what the function throws
 */
export async function select<const C extends readonly Case<unknown>[], O = never>(
  cases: C,
  options: SelectOptions<O> = {},
): Promise<ResultOf<C[number]> | Awaited<O>> {
  checkSelect(cases, options);
  const { otherwise, timeoutMs } = options;
  if (timeoutMs !== undefined && !isDuration(timeoutMs)) {
    throw badDuration("TASK_INVALID", "the timeoutMs of a select", timeoutMs);
  }
  const live = cases.map(({ case: each }) => each).filter(({ core }) => core !== undefined);
  const patience = timeoutMs ?? (otherwise === undefined ? Infinity : 0);
  const moving = live.filter(moves);
  const waiting = (): Promise<Happened | undefined> =>
    live.every(({ core }) => core instanceof LocalChannel) ? selectHere(live, patience) : selectAcross(live, patience);
  const happened = await (moving.length === 0 ? waiting() : withMoves(moving, waiting));
  if (happened !== undefined) return happened.case.run(happened.received) as ResultOf<C[number]>;
  if (otherwise !== undefined) {
    const outcome = await otherwise();
    // Who polls in a loop must not hold up what it polls for.
    if (isTimeUp()) await nextTurn(undefined);
    return outcome;
  }
  throw new HeddleError("SELECT_TIMEOUT", `no case of the select was ready within ${timeoutMs} ms.`);
}

/** The channel's core. Undefined: the nil channel. */
function checkedCore(channel: unknown, run: unknown, what: string): ChannelCore<unknown> | undefined {
  if (channel !== undefined && !(channel instanceof Channel)) {
    throw invalid(`${what}() needs a channel, or undefined, and got ${show(channel)}`);
  }
  if (run !== undefined && typeof run !== "function") throw invalid(`${what}() needs a function, and got ${show(run)}`);
  return isNil(channel as Channel<never> | undefined) ? undefined : coreOf(channel as Channel<unknown>);
}

function checkSelect(cases: unknown, options: unknown): void {
  if (!Array.isArray(cases)) throw invalid(`select() needs an array of cases, and got ${show(cases)}`);
  for (const [index, each] of cases.entries()) {
    if (((each as Case<unknown> | undefined)?.case?.direction as unknown) === undefined) {
      throw invalid(`case ${index} of a select must come from receiveFrom() or sendTo(), and is ${show(each)}`);
    }
  }
  if (typeof options !== "object" || options === null) {
    throw invalid(`the options of a select must be an object, and are ${show(options)}`);
  }
  const { otherwise } = options as { readonly otherwise?: unknown };
  if (otherwise !== undefined && typeof otherwise !== "function") {
    throw invalid(`the otherwise of a select must be a function, and is ${show(otherwise)}`);
  }
}

function invalid(message: string): HeddleError {
  return new HeddleError("TASK_INVALID", `${message}.`);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "an array" : `an object of ${value.constructor?.name ?? "no class"}`;
}

/** Registers the cases' transfer lists with their channels while they may happen. Empties the buffers when one has happened. */
async function withMoves(
  moving: readonly SendCase[],
  waiting: () => Promise<Happened | undefined>,
): Promise<Happened | undefined> {
  for (const { core, value, transfer } of moving) if (core instanceof LocalChannel) rememberMoves(value, transfer);
  let sent: SendCase | undefined;
  try {
    const happened = await waiting();
    sent = moving.find((each) => each === happened?.case);
    return happened;
  } finally {
    for (const { value } of moving) if (value !== sent?.value) forgetMoves(value);
    if (sent !== undefined && !(sent.core instanceof LocalChannel)) empty(sent.transfer);
  }
}

function moves(each: AnyCase): each is SendCase {
  return each.direction === "send" && each.transfer.length > 0;
}

function empty(transfer: readonly Transferable[]): void {
  for (const each of transfer) if (each instanceof ArrayBuffer) each.transfer();
}

async function selectHere(cases: readonly AnyCase[], patienceMs: number): Promise<Happened | undefined> {
  const ready = attemptHere(cases);
  if (ready !== undefined) {
    if (isTimeUp()) await nextTurn(undefined);
    return ready;
  }
  return patienceMs <= 0 ? undefined : parkHere(cases, patienceMs);
}
