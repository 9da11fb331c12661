/**
 * What a packed message (message-packing.ts) contains that can be sent to another thread, but not to another process. It is noted
 * when the message is packed, beside its list of markers, since a look at the packed value could not tell it from a program's data.
 */

/** By the markers of the message: the first such part, in words. */
const bound: WeakMap<object, string> = new WeakMap();

/** References of these kinds mean the same in all processes that run the program. */
const portable: Set<string> = new Set();

export function noteBound(markers: object, what: string): void {
  if (!bound.has(markers)) bound.set(markers, what);
}

/** References with this tag may be sent to other processes. */
export function notePortable(tag: string): void {
  portable.add(tag);
}

export function isPortable(tag: string): boolean {
  return portable.has(tag);
}

/** The first such part of a message of this library, whose values were packed. */
export function boundIn(parts: readonly unknown[]): string | undefined {
  for (const part of parts) {
    if (typeof part !== "object" || part === null) continue;
    const found = bound.get(part) ?? boundBeside(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

function boundBeside(part: object): string | undefined {
  const { markers } = part as { readonly markers?: unknown };
  return typeof markers === "object" && markers !== null ? bound.get(markers) : undefined;
}
