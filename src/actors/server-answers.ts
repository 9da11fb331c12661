/** What the callbacks of a server are, and what they may return. Anything else ends the server, as `bad_return_value` does in
 * OTP: a call that got no reply would otherwise only be noticed by its caller, when it times out. An answer is checked as a whole
 * before any part of it takes effect.
 */

import { inspect } from "node:util";
import { invalid, isRecord, mustBeFunction } from "./arguments/arguments.ts";
import { HeddleError } from "../errors/errors.ts";
import { isDuration } from "../kit/durations.ts";

/** @throws ACTOR_INVALID */
export function checkCallbacks(callbacks: unknown): void {
  if (!isRecord(callbacks))
    throw invalid("what genServer() is given", "an object of callbacks, at least init", callbacks);
  mustBeFunction(callbacks["init"], "the init of a server");
  for (const name of ["handleCall", "handleCast", "handleInfo", "handleContinue", "handleTimeout", "terminate"]) {
    if (callbacks[name] !== undefined) mustBeFunction(callbacks[name], `the ${name} of a server`);
  }
}

/** @throws ACTOR_BAD_RETURN */
export function mustAnswerCall(answer: unknown): asserts answer is object {
  const isAnswer =
    isObject(answer) && isSound(answer) && ("reply" in answer || answer["noReply"] === true || stops(answer));
  if (!isAnswer) {
    throw badReturn(
      "handleCall",
      answer,
      "{ reply }, { noReply: true } if reply(from, …) is called later, or { stop: reason }",
    );
  }
}

/** @throws ACTOR_BAD_RETURN */
export function mustAnswer(callback: string, answer: unknown): void {
  const isAnswer = answer === undefined || (isObject(answer) && isSound(answer) && (goesOn(answer) || stops(answer)));
  if (!isAnswer)
    throw badReturn(callback, answer, "nothing, { state }, a next step (continue, idleTimeoutMs) or { stop: reason }");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function goesOn(answer: Readonly<Record<string, unknown>>): boolean {
  return "state" in answer || "continue" in answer || "idleTimeoutMs" in answer;
}

/** What it has beside what it must have. A `stop` without a reason is a mistake, and not an answer that goes on. */
function isSound(answer: Readonly<Record<string, unknown>>): boolean {
  const { idleTimeoutMs } = answer;
  return (idleTimeoutMs === undefined || isDuration(idleTimeoutMs)) && (stops(answer) || !("stop" in answer));
}

function stops(answer: Readonly<Record<string, unknown>>): boolean {
  return answer["stop"] !== undefined;
}

export function badReturn(callback: string, answer: unknown, right: string): HeddleError {
  const shown = inspect(answer, { depth: 1, breakLength: Infinity, maxStringLength: 100, maxArrayLength: 10 });
  return new HeddleError("ACTOR_BAD_RETURN", `${callback} returned ${shown}. It returns ${right}.`);
}
