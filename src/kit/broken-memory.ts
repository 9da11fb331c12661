/** The error for a word of shared memory with a value that no sequence of transitions can produce. It is a fault in heddle.
 * To continue would hide it: the thread that sees it throws and is replaced, and the log names the word.
 */

import { HeddleError } from "../errors/errors.ts";

export function brokenMemory(what: string): HeddleError {
  return new HeddleError("INTERNAL", `shared memory is broken: ${what}`);
}
