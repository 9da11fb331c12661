/**
 * Messages for actors of other workers, as bytes. The same data can be sent as to another thread, except what lives in the memory of
 * one process: shared memory, ports, channels and locks of `heddle/tasks`, registry addresses, and the engine's objects such as
 * blobs. They are refused when they are sent: the sender gets NOT_CLONEABLE.
 *
 * V8's serialiser keeps shared and circular parts, and the identity of markers (runtime/copy/message-packing.ts) in one message.
 */

import { Deserializer, Serializer } from "node:v8";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { boundIn } from "../../runtime/copy/process-bound.ts";

/** Of one message. A longer one would occupy both threads for too long; and V8 could not count its bytes. */
export const MAX_MESSAGE_BYTES: number = 64 * 2 ** 20;

const LENGTH_BYTES = 4;

class MessageSerializer extends Serializer {
  /** For `kit/bytes/frame-reader.ts`. */
  begin(): void {
    this.writeRawBytes(Buffer.alloc(LENGTH_BYTES));
    this.writeHeader();
  }
}

/**
 * A message with its length in front.
 *
 * @throws HeddleError NOT_CLONEABLE, ACTOR_MESSAGE_TOO_LARGE
 */
export function messageToBytes(message: readonly unknown[]): Buffer {
  const bound = boundIn(message);
  if (bound !== undefined) throw notCloneable(`${bound} lives in the memory of its own process`);
  const serializer = new MessageSerializer();
  let bytes: Buffer;
  try {
    serializer.begin();
    serializer.writeValue(message);
    bytes = serializer.releaseBuffer();
  } catch (cause) {
    throw notCloneable(messageOf(cause), cause);
  }
  if (bytes.length - LENGTH_BYTES > MAX_MESSAGE_BYTES) throw tooLarge(bytes.length);
  bytes.writeUInt32LE(bytes.length - LENGTH_BYTES, 0);
  return bytes;
}

/** The value owns its memory: nothing refers to the bytes. */
export function messageFromBytes(bytes: Buffer): unknown {
  const deserializer = new Deserializer(bytes.subarray(LENGTH_BYTES));
  deserializer.readHeader();
  return deserializer.readValue();
}

function notCloneable(why: string, cause?: unknown): HeddleError {
  return new HeddleError("NOT_CLONEABLE", `it cannot be sent to another worker: ${why}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: "Send plain data, or the pid of an actor that has it.",
  });
}

function tooLarge(bytes: number): HeddleError {
  const mib = (count: number): string => `${Math.ceil((10 * count) / 2 ** 20) / 10} MiB`;
  return new HeddleError(
    "ACTOR_MESSAGE_TOO_LARGE",
    `a message to an actor of another worker has ${mib(bytes)}; it may have at most ${mib(MAX_MESSAGE_BYTES)}.`,
    { hint: "Send it in parts, or the path of a file that has it." },
  );
}
