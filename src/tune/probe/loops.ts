/** What a server's event loops did, and what of it ended, as its own `status` tells, through its control socket. */

import type { IncomingMessage } from "node:http";
import { HeddleError } from "../../errors/errors.ts";
import { http } from "../../platform/http.ts";

/** Of all serving threads together, since they started. */
export interface LoopBlocks {
  readonly threads: number;
  /** For how long the loops were busy or blocked. */
  readonly busyMs: number;
  /** How often a loop turned 10 ms or more later than it should: by how much at most, and how often. */
  readonly late: ReadonlyMap<number, number>;
}

/** Workers and threads that ended by themselves or were killed, and were replaced, since the server started. */
export interface Restarts {
  readonly workers: number;
  readonly threads: number;
}

const ANSWER_TIMEOUT_MS = 5000;

/** The fields of `heddle status --json` that are read here. */
interface Status {
  /** Empty until it serves. */
  readonly urls: readonly string[];
  readonly restarts: Restarts;
  readonly workers: readonly {
    readonly threads: readonly { readonly busyMs: number; readonly late: readonly (readonly [number, number])[] }[];
  }[];
}

/** @throws HeddleError TUNE_NOT_SERVED: the server does not answer */
export async function readLoops(controlSocket: string): Promise<LoopBlocks> {
  const { workers } = (await ask(controlSocket)) as Status;
  const threads = workers.flatMap((worker) => worker.threads);
  const late = new Map<number, number>();
  for (const [upToMs, times] of threads.flatMap((thread) => thread.late)) {
    late.set(upToMs, (late.get(upToMs) ?? 0) + times);
  }
  return { threads: threads.length, busyMs: threads.reduce((sum, { busyMs }) => sum + busyMs, 0), late };
}

/** @throws HeddleError TUNE_NOT_SERVED: the server does not answer */
export async function readRestarts(controlSocket: string): Promise<Restarts> {
  const { restarts } = (await ask(controlSocket)) as Status;
  return restarts;
}

/** Where the server listens. undefined: it does not serve yet, or does not answer. */
export async function readUrl(controlSocket: string): Promise<string | undefined> {
  try {
    return ((await ask(controlSocket)) as Status).urls[0];
  } catch (error) {
    if (error instanceof HeddleError) return undefined;
    throw error;
  }
}

async function ask(socketPath: string): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      http.get({ socketPath, path: "/status", signal }, resolve).once("error", reject);
    });
    let text = "";
    for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) text += chunk;
    return JSON.parse(text);
  } catch (cause) {
    throw new HeddleError("TUNE_NOT_SERVED", "The measured server does not answer on its control socket any more.", {
      cause,
    });
  }
}

/**
 * The longest time for which a loop stood still between two readings. It must have been seen twice, because the operating system stops any
 * thread now and then. 0: never for 10 ms.
 */
export function longestBlockMs(before: LoopBlocks, after: LoopBlocks): number {
  const times = [...after.late]
    .map(([upToMs, count]) => ({ upToMs, count: count - (before.late.get(upToMs) ?? 0) }))
    .toSorted((a, b) => b.upToMs - a.upToMs);
  let seen = 0;
  for (const { upToMs, count } of times) {
    seen += count;
    if (seen >= 2) return upToMs;
  }
  return 0;
}
