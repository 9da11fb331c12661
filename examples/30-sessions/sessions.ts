/** A server for each user's session: found by the user's name, loaded when it starts, ended when nobody uses it. */

import {
  actor,
  genServer,
  registry,
  sendAfter,
  startWith,
  via,
  type Actor,
  type Registry,
  type Self,
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
const SAVE_AFTER_MS = 5;

interface State {
  readonly self: Self;
  readonly user: string;
  readonly cart: string[];
  /** Set while something is to be saved. */
  saving: TimerRef | undefined;
}

export const session: Actor<[user: string, device: string], Session> = actor(
  import.meta.url,
  "session",
  genServer({
    // The session has its name at once. Its cart is loaded before the first request is handled.
    init: async (self, user: string, device: string) => {
      await sessions.register(user, self.pid, { device });
      return startWith<State>({ self, user, cart: [], saving: undefined }, { continue: "load" });
    },
    handleContinue: async (_load: "load", { user, cart }) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      cart.push(`${user}'s old yarn`);
      return { idleTimeoutMs: IDLE_MS };
    },
    handleCall: (request: { add: string } | "cart", state) => {
      if (request !== "cart") {
        state.cart.push(request.add);
        // Changes that follow soon are saved together.
        state.saving ??= sendAfter(SAVE_AFTER_MS, state.self.pid, "save");
      }
      return { reply: [...state.cart] as Cart, idleTimeoutMs: IDLE_MS };
    },
    // Any message ends the idle time, so each answer begins it again.
    handleInfo: (_save: "save", state) => {
      state.saving = undefined;
      return { idleTimeoutMs: IDLE_MS };
    },
    handleTimeout: () => ({ stop: "normal" }),
  }),
) as never;
