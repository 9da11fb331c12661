/**
 * How this thread reaches its store: the arbiter's, if the process belongs to a server, or else one of its own.
 *
 * The arbiter names its socket in the environment of its workers, and their threads and child processes inherit it. It is read at
 * the first operation. One transport for each thread, however many copies of this package the thread has loaded.
 */

import { HeddleError } from "../errors/errors.ts";
import { perThread } from "../kit/per-thread.ts";
import { ArbiterTransport } from "./arbiter-transport.ts";
import type { Joined, Sink } from "./channels/subscriptions.ts";
import { LocalTransport } from "./local-transport.ts";
import type { Answer, Request } from "./protocol.ts";

/** The socket's path, or OFF. Not set: this process belongs to no server. */
export const SHARED_VARIABLE = "HEDDLE_SHARED";
export const OFF = "off";

export interface Transport {
  /** @throws HeddleError SHARED_UNAVAILABLE, SHARED_INTERRUPTED, SHARED_BUSY */
  ask(request: Request): Promise<Answer>;
  /** What others publish to the channel reaches the sink, until it leaves. */
  join(channel: string, sink: Sink): Joined;
}

const own = perThread<{ transport: Transport | undefined }>("shared-transport-2", () => ({ transport: undefined }));

/** @throws HeddleError SHARED_UNAVAILABLE */
export function transport(): Transport {
  return (own.transport ??= connect(process.env[SHARED_VARIABLE]));
}

function connect(path: string | undefined): Transport {
  if (path === undefined || path === "") return new LocalTransport();
  if (path === OFF) {
    throw new HeddleError("SHARED_UNAVAILABLE", "the server has no shared store: it runs with --shared-memory 0.");
  }
  const made = new ArbiterTransport(path);
  process.once("exit", () => made.end());
  return made;
}
