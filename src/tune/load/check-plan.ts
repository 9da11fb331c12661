/**
 * The check of a plan that a program hands to the generator. Behind it the schedule of an open loop has a next request at a later time: with a
 * rate below 0 or without end the generator would never return from it, and could not be stopped.
 */

import { bad, isPositive, isPositiveOrZero, isWholePositive } from "../estimate/input.ts";
import type { Plan } from "./plan.ts";

const LAST_PORT = 65_535;

/** 24 days. Node's timers hold 31 bits, and a longer one fires at once. */
const LONGEST_MS = 24 * 24 * 60 * 60 * 1000;

/** A hundred times what one generator can send. What is due and not sent is counted one by one. */
const HIGHEST_RATE = 10_000_000;

function isTooLong(ms: number): boolean {
  return ms > LONGEST_MS;
}

/** @throws HeddleError TUNE_INPUT */
export function checkPlan({ target, scenario, loop, warmUpSeconds, seconds, timeoutMs }: Plan): void {
  if (target.unix === undefined && !(isWholePositive(target.port) && target.port <= LAST_PORT)) {
    throw bad("target.port", target.port, `a port, 1 to ${LAST_PORT}`);
  }
  if (scenario.requests.length === 0)
    throw bad("scenario.requests", scenario.requests, "a list of at least one request");
  for (const [at, { weight }] of scenario.requests.entries()) {
    if (!isPositive(weight)) throw bad(`scenario.requests[${at}].weight`, weight, "a finite number above 0");
  }
  checkLoop(loop);
  if (!isPositiveOrZero(warmUpSeconds) || isTooLong(warmUpSeconds * 1000)) {
    throw bad("warmUpSeconds", warmUpSeconds, `a number of seconds, at least 0 and at most ${LONGEST_MS / 1000}`);
  }
  if (!isPositive(seconds) || isTooLong(seconds * 1000)) {
    throw bad("seconds", seconds, `a number above 0, at most ${LONGEST_MS / 1000}`);
  }
  if (timeoutMs !== undefined && (!isPositive(timeoutMs) || isTooLong(timeoutMs))) {
    throw bad("timeoutMs", timeoutMs, `a number of ms above 0, at most ${LONGEST_MS}`);
  }
}

function checkLoop(loop: Plan["loop"]): void {
  if ("concurrency" in loop) {
    if (!isWholePositive(loop.concurrency)) {
      throw bad("loop.concurrency", loop.concurrency, "a whole number, at least 1");
    }
    return;
  }
  const { rate, maxConnections } = loop;
  if (!isPositive(rate) || rate > HIGHEST_RATE) {
    throw bad("loop.rate", rate, `arrivals per second: a finite number above 0, at most ${HIGHEST_RATE}`);
  }
  if (maxConnections !== undefined && !isWholePositive(maxConnections)) {
    throw bad("loop.maxConnections", maxConnections, "a whole number, at least 1");
  }
}
