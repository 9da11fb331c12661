/** What becomes of an open socket on which nothing happens. Pure. */

export interface Quiet {
  /** Nothing came from the client for so long, and its socket was read. */
  readonly silentMs: number;
  /** It was sent a ping since. */
  readonly pinged: boolean;
  /** No message for so long, in either direction. */
  readonly idleMs: number;
  /** The kernel took nothing of what was written for so long. */
  readonly stalledMs: number;
}

/** 0: none. */
export interface QuietLimits {
  readonly pingMs: number;
  readonly idleMs: number;
  readonly writeTimeoutMs: number;
}

/** `cut`: the client is gone, and could not answer a close frame. */
export function judgeQuiet(quiet: Quiet, limits: QuietLimits): "ping" | "cut" | "close-idle" | undefined {
  if (limits.writeTimeoutMs > 0 && quiet.stalledMs >= limits.writeTimeoutMs) return "cut";
  if (limits.idleMs > 0 && quiet.idleMs >= limits.idleMs) return "close-idle";
  if (limits.pingMs === 0 || quiet.silentMs < limits.pingMs) return undefined;
  if (quiet.silentMs >= limits.pingMs * 2 && quiet.pinged) return "cut";
  return quiet.pinged ? undefined : "ping";
}
