/**
 * What is said when a word of shared memory holds what no order of its transitions can have put there. It is a fault in heddle.
 * To go on would hide it: the thread that sees it throws, is replaced, and the log names the word.
 */

import { HeddleError } from "../errors/errors.ts";

export function brokenMemory(what: string): HeddleError {
  return new HeddleError("INTERNAL", `shared memory is broken: ${what}`);
}
