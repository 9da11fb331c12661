/**
 * What a task has thrown, or the reason of a cancellation, as it is sent to another thread. Sending it never fails, whatever it
 * is: what can't be copied arrives as an error with its text.
 */

import { packThrown as packText, unpackThrown as unpackText, type WireThrown as WireText } from "../errors/errors.ts";
import { copy } from "../runtime/copy/copy.ts";
import { pack, type Packed, unpack } from "../runtime/copy/message-packing.ts";

export type WireThrown = { readonly packed: Packed } | { readonly text: WireText };

export function packThrown(thrown: unknown): WireThrown {
  try {
    return { packed: pack(thrown) };
  } catch {
    return { text: packText(thrown) };
  }
}

export function unpackThrown(wire: WireThrown): unknown {
  return "packed" in wire ? unpack(wire.packed.value, wire.packed.markers) : unpackText(wire.text);
}

/** The same, for a part of a message that is packed as a whole: itself if it can be copied, else an error with its text. */
export function sendable(thrown: unknown): unknown {
  if (thrown instanceof Error || Object(thrown) !== thrown) return typeof thrown === "symbol" ? textOf(thrown) : thrown;
  try {
    copy(thrown);
    return thrown;
  } catch {
    return textOf(thrown);
  }
}

function textOf(thrown: unknown): unknown {
  return unpackText(packText(thrown));
}
