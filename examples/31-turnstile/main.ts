/** A turnstile as a state machine: a coin unlocks it, a push locks it again, and so does time. */

import { call, cast, genStatem, spawn, stop, type ServerPid } from "../../src/actors/index.ts"; // in your project: from "heddle/actors"

interface Data {
  readonly coins: number;
}

type Turnstile = ServerPid<readonly ["push", string] | readonly ["coins", number], "coin" | "maintenance" | "done">;

const turnstile = genStatem({
  enterCalls: true,
  init: () => ({ state: "locked", data: { coins: 0 } as Data }),
  states: {
    locked: (event, { coins }: Data) => {
      if (event.type === "enter") return console.log("locked");
      if (event.type === "cast" && event.message === "coin") return { state: "unlocked", data: { coins: coins + 1 } };
      if (event.type === "cast" && event.message === "maintenance") return { state: "maintenance" };
      if (event.type === "call" && event.request === "push") return { reply: "pay first" };
      return event.type === "call" ? { reply: coins } : undefined;
    },
    unlocked: (event) => {
      // A change of state cancels this timeout.
      if (event.type === "enter") return { stateTimeoutMs: 20 };
      if (event.type === "call" && event.request === "push") return { state: "locked", reply: "come in" };
      if (event.type === "stateTimeout") return { state: "locked" };
      return { postpone: true };
    },
    maintenance: (event) => {
      if (event.type === "enter") return console.log("maintenance");
      // Whoever comes meanwhile waits: the event is handled in the next state.
      return event.type === "cast" && event.message === "done" ? { state: "locked" } : { postpone: true };
    },
  },
});

const pid = (await spawn(turnstile)) as Turnstile;
console.log(await call(pid, "push"));
cast(pid, "coin");
console.log(await call(pid, "push"));

cast(pid, "coin");
// Waits in the state `unlocked`, until that has timed out.
console.log("coins:", await call(pid, "coins"));

cast(pid, "maintenance");
cast(pid, "coin");
const pushed = call(pid, "push");
cast(pid, "done");
console.log(await pushed);
await stop(pid);
