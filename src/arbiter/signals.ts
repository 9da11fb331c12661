/**
 * What signals mean to the arbiter. A handler only hands the wish on; commands run one at a time.
 *
 * | signal    | meaning                                         |
 * | TERM, INT | stop gracefully; a second INT stops at once     |
 * | HUP       | reload                                          |
 * | TTIN/TTOU | one worker more / less                          |
 */

export interface SignalActions {
  stop(): void;
  stopNow(): void;
  reload(): void;
  scale(by: 1 | -1): void;
}

export function installSignals(actions: SignalActions): void {
  let interrupted = false;
  process.on("SIGTERM", () => actions.stop());
  process.on("SIGINT", () => {
    if (interrupted) actions.stopNow();
    else actions.stop();
    interrupted = true;
  });
  process.on("SIGHUP", () => actions.reload());
  process.on("SIGTTIN", () => actions.scale(1));
  process.on("SIGTTOU", () => actions.scale(-1));
}
