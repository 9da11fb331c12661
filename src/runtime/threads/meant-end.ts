/** Whether this thread's program ends on purpose, whatever is unfinished: a server that drains tells the app's copy to end. */

import { perThread } from "../../kit/per-thread.ts";

const intent: { isMeant: boolean } = perThread("end-is-meant", () => ({ isMeant: false }));

export function meanToEnd(): void {
  intent.isMeant = true;
}

export function isEndMeant(): boolean {
  return intent.isMeant;
}
