/**
 * What the callbacks of a state machine are, and what they may answer. A wrong answer ends the machine with ACTOR_BAD_RETURN. It is
 * checked as a whole before any part of it takes effect, so no reply is sent and no timer is set by an answer that is wrong.
 */

import { invalid, isRecord, mustBeBoolean, mustBeFunction, show } from "../arguments/arguments.ts";
import { HeddleError } from "../../errors/errors.ts";
import { isDuration } from "../../kit/durations.ts";
import { From } from "../messaging/calls.ts";
import { badReturn } from "../server-answers.ts";
import type { StateAnswer, StateEvent } from "./events.ts";

/** @throws ACTOR_INVALID */
export function checkMachine(callbacks: unknown): void {
  if (!isRecord(callbacks))
    throw invalid("what genStatem() is given", "an object of callbacks: init, and states or handleEvent", callbacks);
  const { init, states, handleEvent, enterCalls, terminate } = callbacks;
  mustBeFunction(init, "the init of a state machine");
  if ((states === undefined) === (handleEvent === undefined))
    throw invalid("a state machine", "made with either `states` or `handleEvent`", callbacks);
  if (handleEvent !== undefined) mustBeFunction(handleEvent, "the handleEvent of a state machine");
  if (states !== undefined) {
    if (!isRecord(states)) throw invalid("the states of a state machine", "an object of functions", states);
    for (const [name, handle] of Object.entries(states)) mustBeFunction(handle, `the state ${name} of a state machine`);
  }
  if (enterCalls !== undefined) mustBeBoolean(enterCalls, "the enterCalls of a state machine");
  if (terminate !== undefined) mustBeFunction(terminate, "the terminate of a state machine");
}

/** The names of its states. Undefined: any value is a state. */
export type StateNames = ReadonlySet<unknown> | undefined;

/** @throws ACTOR_INVALID */
export function mustBeState(state: unknown, names: StateNames): void {
  if (names?.has(state) !== false) return;
  throw invalid("the state of this state machine", `one of ${[...names].join(", ")}`, state);
}

type Part = keyof StateAnswer;

const optional =
  (holds: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || holds(value);

const isTimeout = optional((value) => value === "cancel" || isDuration(value));
const isFlag = optional((value) => typeof value === "boolean");
const isAny = (): boolean => true;

/** What each part of an answer must be, and the text of that. */
const parts: Readonly<Record<Part, readonly [holds: (value: unknown) => boolean, right: string]>> = {
  state: [isAny, "a state"],
  data: [isAny, "any value"],
  reply: [isAny, "any value"],
  replies: [
    optional((value) => Array.isArray(value) && value.every((each) => Array.isArray(each) && each[0] instanceof From)),
    "an array of [from, reply]",
  ],
  postpone: [isFlag, "true or false"],
  events: [optional(Array.isArray), "an array"],
  stateTimeoutMs: [isTimeout, 'a number of milliseconds, or "cancel"'],
  eventTimeoutMs: [isTimeout, 'a number of milliseconds, or "cancel"'],
  timeouts: [
    optional((value) => isRecord(value) && Object.values(value).every(isTimeout)),
    'an object of milliseconds, or "cancel", by name',
  ],
  reenter: [isFlag, "true or false"],
  stop: [(value) => value !== undefined, "a reason"],
};

const firstParts: ReadonlySet<string> = new Set([
  "state",
  "data",
  "events",
  "stateTimeoutMs",
  "eventTimeoutMs",
  "timeouts",
] satisfies Part[]);

const onlyForCalls = "{ reply } only for a call";
const nothingNew = "neither another state nor postpone nor events for an enter event";
const RIGHT = `nothing, or an object of ${Object.keys(parts).join(", ")}`;

/** @throws ACTOR_BAD_RETURN */
export function checkedAnswer(answer: unknown, event: StateEvent, names: StateNames): StateAnswer {
  if (answer === undefined) return {};
  const who = "a state function";
  if (!isRecord(answer)) throw badReturn(who, answer, RIGHT);
  checkParts(who, answer, RIGHT, (name) => Object.hasOwn(parts, name));
  checkState(who, answer, names);
  if ("reply" in answer && event.type !== "call") throw badReturn(who, answer, onlyForCalls);
  if (event.type === "enter" && (answer["postpone"] === true || answer["events"] !== undefined)) {
    throw badReturn(who, answer, nothingNew);
  }
  return answer as StateAnswer;
}

/** The answer to an enter event would change the state. */
export function movesOnEnter(answer: StateAnswer): HeddleError {
  return badReturn("a state function", answer, nothingNew);
}

/** The result of `init`. @throws ACTOR_BAD_RETURN */
export function checkedFirst(first: unknown, names: StateNames): StateAnswer {
  const right = `{ state, data }, with ${[...firstParts].slice(2).join(", ")} if wanted, or ignore`;
  if (!isRecord(first) || !("state" in first)) throw badReturn("init", first, right);
  checkParts("init", first, right, (name) => firstParts.has(name));
  checkState("init", first, names);
  return first as StateAnswer;
}

function checkParts(
  who: string,
  answer: Readonly<Record<string, unknown>>,
  right: string,
  isKnown: (name: string) => boolean,
): void {
  for (const name of Object.keys(answer)) {
    if (!isKnown(name)) throw badReturn(who, answer, right);
    const [holds, rightPart] = parts[name as Part];
    if (!holds(answer[name])) throw badReturn(who, answer, `${name} as ${rightPart}`);
  }
}

function checkState(who: string, answer: Readonly<Record<string, unknown>>, names: StateNames): void {
  if (!("state" in answer) || names?.has(answer["state"]) !== false) return;
  throw new HeddleError(
    "ACTOR_BAD_RETURN",
    `${who} returned the state ${show(answer["state"])}, and the machine has no such state.`,
    { hint: `Its states are ${[...names].join(", ")}.` },
  );
}
