/**
 * The check of a plan that a program hands to the generator. Behind it the schedule of an open loop has a next request at a later time: with a
 * rate below 0 or without end the generator would never return from it, and could not be stopped.
 */

import { bad, isPositive, isPositiveOrZero, isWholePositive } from "../estimate/input.ts";
import type { Plan } from "./plan.ts";

const LAST_PORT = 65_535;

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
  if (!isPositiveOrZero(warmUpSeconds)) throw bad("warmUpSeconds", warmUpSeconds, "a finite number, at least 0");
  if (!isPositive(seconds)) throw bad("seconds", seconds, "a finite number above 0");
  if (timeoutMs !== undefined && !isPositive(timeoutMs)) throw bad("timeoutMs", timeoutMs, "a finite number above 0");
}

function checkLoop(loop: Plan["loop"]): void {
  if ("concurrency" in loop) {
    if (!isWholePositive(loop.concurrency)) {
      throw bad("loop.concurrency", loop.concurrency, "a whole number, at least 1");
    }
    return;
  }
  const { rate, maxConnections } = loop;
  if (!isPositive(rate)) throw bad("loop.rate", rate, "arrivals per second: a finite number above 0");
  if (maxConnections !== undefined && !isWholePositive(maxConnections)) {
    throw bad("loop.maxConnections", maxConnections, "a whole number, at least 1");
  }
}
