/**
 * A server that runs elsewhere (`--url`) is not heddle's child: that it has ended shows only in that nobody listens any more. Windows after
 * that would count as errors under load, and its knee and its target for latency would be told of a server that is not there.
 */

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HeddleError } from "../../errors/errors.ts";
import type { Target } from "../load/generator.ts";
import type { Sample } from "../types.ts";

/** One that is being restarted is there again by then. */
const COMES_BACK_MS = 3000;
const ASK_AGAIN_MS = 100;
const CONNECT_MS = 1000;

/** Connections were refused in the window: also at the end of the one in which the server ended. */
export function isRefused({ errorsByCause }: Sample): boolean {
  return (errorsByCause["refused"] ?? 0) > 0;
}

/** Resolves when somebody listens. @throws HeddleError TUNE_NOT_SERVED: nobody does for three seconds; an AbortError */
export async function untilListening(target: Target, signal: AbortSignal | undefined): Promise<void> {
  const untilMs = performance.now() + COMES_BACK_MS;
  while (!(await isListening(target))) {
    if (performance.now() >= untilMs) {
      const message = `The server does not listen any more: for ${COMES_BACK_MS / 1000} s no connection to it could be made.`;
      throw new HeddleError("TUNE_NOT_SERVED", message);
    }
    await sleep(ASK_AGAIN_MS, undefined, signal === undefined ? {} : { signal });
  }
}

function isListening({ host, port }: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const end = (isThere: boolean) => (): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", end(true)).once("timeout", end(false)).once("error", end(false));
  });
}
