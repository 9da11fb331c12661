/** A server for each user's session: found by the user's name, loaded when it starts, ended when nobody uses it. */

import {
  actor,
  cancelTimer,
  genServer,
  registry,
  sendInterval,
  startWith,
  via,
  type Actor,
  type Registry,
  type ServerPid,
  type TimerRef,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"

type Cart = readonly string[];
export type Session = ServerPid<readonly [{ readonly add: string }, Cart] | readonly ["cart", Cart]>;

/** By user. The value is for whoever lists the sessions. */
export const sessions: Registry<{ readonly device: string }> = registry("sessions");

/** Stands for the session of a user wherever a pid may. */
export function sessionOf(user: string): Session {
  return via<Session>(sessions, user);
}

const IDLE_MS = 1000;
const SAVE_EVERY_MS = 5;

interface State {
  readonly user: string;
  readonly cart: string[];
  readonly saving: TimerRef;
  /** Since the last save. */
  isChanged: boolean;
}

export const session: Actor<[user: string, device: string], Session> = actor(
  import.meta.url,
  "session",
  genServer({
    // The session has its name at once. Its cart is loaded before the first request is handled.
    init: async (self, user: string, device: string) => {
      await sessions.register(user, self.pid, { device });
      const saving = sendInterval(SAVE_EVERY_MS, self.pid, "save");
      return startWith<State>({ user, cart: [], saving, isChanged: false }, { continue: "load" });
    },
    handleContinue: async (_load: "load", { user, cart }) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      cart.push(`${user}'s old yarn`);
    },
    handleCall: (request: { add: string } | "cart", state) => {
      if (request !== "cart") state.isChanged = state.cart.push(request.add) > 0;
      return { reply: [...state.cart] as Cart };
    },
    // With nothing to save, it stops saving. Then nothing comes any more unless the user does.
    handleInfo: (_save: "save", state) => {
      if (!state.isChanged) cancelTimer(state.saving);
      state.isChanged = false;
      return { idleTimeoutMs: IDLE_MS };
    },
    handleTimeout: () => ({ stop: "normal" }),
  }),
) as never;
