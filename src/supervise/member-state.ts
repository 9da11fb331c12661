/**
 * One supervised process or thread: its state and its transitions.
 *
 *   starting ──ready──▶ ready ──drain──▶ draining ─┐
 *      │                  │                 │      ├──gone──▶ gone
 *      └──────kill────────┴──────kill───────┴──▶ killed
 *
 * Each transition is a pure function of a state. It returns the next state, or says why there is none. A late message
 * ("ready" of a member that was killed meanwhile) is an expected outcome, not an error.
 */

export type MemberState =
  | { readonly name: "starting"; readonly sinceMs: number }
  | { readonly name: "ready"; readonly sinceMs: number }
  | { readonly name: "draining"; readonly sinceMs: number; readonly reason: string; readonly deadlineMs: number }
  | { readonly name: "killed"; readonly sinceMs: number }
  | { readonly name: "gone"; readonly sinceMs: number };

export type Transition =
  | { readonly ok: true; readonly state: MemberState }
  /** Nothing changes. `because`: the state it was in. */
  | { readonly ok: false; readonly because: MemberState["name"] };

/** The reason that no other replaces: the whole server stops. */
export const MOST_URGENT = "stop";

export function starting(nowMs: number): MemberState {
  return { name: "starting", sinceMs: nowMs };
}

export function becomeReady(state: MemberState, nowMs: number): Transition {
  return state.name === "starting" ? to({ name: "ready", sinceMs: nowMs }) : refused(state);
}

/** It finishes its work. May be repeated with a nearer deadline or a more urgent reason. The nearest deadline counts. */
export function drain(state: MemberState, nowMs: number, reason: string, deadlineMs: number): Transition {
  if (state.name === "ready") return to({ name: "draining", sinceMs: nowMs, reason, deadlineMs });
  if (state.name !== "draining") return refused(state);
  const isNearer = deadlineMs < state.deadlineMs;
  const isMoreUrgent = reason === MOST_URGENT && state.reason !== MOST_URGENT;
  if (!isNearer && !isMoreUrgent) return refused(state);
  return to({
    name: "draining",
    sinceMs: state.sinceMs,
    reason: state.reason === MOST_URGENT ? MOST_URGENT : reason,
    deadlineMs: Math.min(deadlineMs, state.deadlineMs),
  });
}

export function kill(state: MemberState, nowMs: number): Transition {
  return state.name === "killed" || state.name === "gone" ? refused(state) : to({ name: "killed", sinceMs: nowMs });
}

export function end(state: MemberState, nowMs: number): Transition {
  return state.name === "gone" ? refused(state) : to({ name: "gone", sinceMs: nowMs });
}

function to(state: MemberState): Transition {
  return { ok: true, state };
}

function refused(state: MemberState): Transition {
  return { ok: false, because: state.name };
}
