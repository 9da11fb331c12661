/**
 * The time that a server may take to start. As with OTP's `{timeout, Time}`: a server that takes longer is killed, and whoever
 * starts it gets the reason `timeout` as the result, not as an exit signal of its link.
 */

import { clearDeadline, startDeadline, type Deadline } from "../messaging/deadlines.ts";
import type { ActorProcess } from "../process/actor-process.ts";
import { unlink } from "../exits/links.ts";
import { rareFieldsOf, type StartOutcome } from "../process/rare-fields.ts";

type Started = (outcome: StartOutcome) => void;

class InitDeadline implements Deadline {
  dueTick: number = 0;
  previousDue: Deadline | undefined = undefined;
  nextDue: Deadline | undefined = undefined;
  readonly #process: ActorProcess;
  readonly #started: Started;

  constructor(process: ActorProcess, started: Started) {
    this.#process = process;
    this.#started = started;
  }

  expire(): void {
    const extra = rareFieldsOf(this.#process);
    extra.started = undefined;
    if (extra.parent !== undefined) unlink(this.#process, extra.parent);
    this.#process.die("killed", "dropped");
    this.#started({ type: "exited", reason: "timeout" });
  }
}

/** What to call when the server has started or will not. Call it on the server's thread, before its first step. */
export function withinInitTimeout(process: ActorProcess, timeoutMs: number | undefined, started: Started): Started {
  if (timeoutMs === undefined || timeoutMs === Infinity) return started;
  const deadline = new InitDeadline(process, started);
  startDeadline(timeoutMs, deadline);
  return (outcome) => {
    clearDeadline(deadline);
    started(outcome);
  };
}
