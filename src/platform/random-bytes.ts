/**
 * Random bytes of the same source as node:crypto's. That module takes 4 MB, in a process that uses nothing else of it.
 */

import { closeSync, openSync, readSync } from "node:fs";

const SOURCE = "/dev/urandom";

export function randomBytes(count: number): Buffer {
  return fromSystem(count) ?? process.getBuiltinModule("node:crypto").randomBytes(count);
}

/** undefined: this system has no such file. */
function fromSystem(count: number): Buffer | undefined {
  const bytes = Buffer.alloc(count);
  let source: number | undefined;
  try {
    source = openSync(SOURCE, "r");
    return readSync(source, bytes) === count ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    if (source !== undefined) closeSync(source);
  }
}
