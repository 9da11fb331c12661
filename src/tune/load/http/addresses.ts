/**
 * The addresses of names, kept for a while. Where a server closes each connection, a look-up for each of them would be measured as the
 * server's time, and thousands of them are a load on whoever answers them.
 */

import { lookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";

/** Longer than a window. An address that has changed is heard of. */
const KEPT_MS = 30_000;

interface Known {
  readonly addresses: readonly LookupAddress[];
  readonly untilMs: number;
}

/** For `lookup` of a socket. `resolve`: for tests. */
export function keptLookup(
  resolve: typeof lookup = lookup,
  now: () => number = () => performance.now(),
): LookupFunction {
  const known = new Map<string, Known>();
  return (hostname, options, callback) => {
    const answer = ([first, ...others]: readonly LookupAddress[]): void => {
      if (options.all === true) callback(null, first === undefined ? [] : [first, ...others]);
      else callback(null, first?.address ?? "", first?.family);
    };
    const key = `${hostname} ${options.family ?? 0}`;
    const kept = known.get(key);
    if (kept !== undefined && now() < kept.untilMs) {
      process.nextTick(answer, kept.addresses);
      return;
    }
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      known.set(key, { addresses, untilMs: now() + KEPT_MS });
      answer(addresses);
    });
  };
}
