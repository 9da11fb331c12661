/** The measured tables of the guides to tasks and actors: `npm run bench:runtime`. */

import { medianOf, type Results } from "./results.ts";

interface Row {
  readonly what: string;
  readonly scenario: string;
  /** Default: perSecond. */
  readonly metric?: "p50Micros" | "bytesPerTask" | "bytesPerActor";
  /** Default: heddle. */
  readonly contender?: string;
  /** The reference. Without one, the number itself is judged. */
  readonly against?: string;
}

const go = "Go";
const otp = "Erlang/OTP";

export const TASK_ROWS: readonly Row[] = [
  { what: "hops over unbuffered channels, two tasks", scenario: "ping-pong", against: go },
  { what: "the same, `trySend` first", scenario: "ping-pong", contender: "heddle, try first", against: go },
  { what: "the least a promise allows", scenario: "ping-pong", contender: "bare promises", against: go },
  { what: "hops through a pipeline of 1,000 tasks", scenario: "pipeline", against: go },
  { what: "the least a promise allows", scenario: "pipeline", contender: "bare promises", against: go },
  { what: "values through a buffered channel", scenario: "buffered", against: go },
  { what: "the same, `trySend` first", scenario: "buffered", contender: "heddle, try first", against: go },
  { what: "the least a promise allows", scenario: "buffered", contender: "bare promises", against: go },
  { what: "a parked task, of a million", scenario: "parked", metric: "bytesPerTask", against: go },
  { what: "starting a task and parking it", scenario: "parked", against: go },
  { what: "tasks of 1 ms, two threads", scenario: "fan-out", contender: "two threads", against: "one thread" },
  { what: "values over a channel to another thread", scenario: "across", contender: "one way" },
  { what: "a value there and back, median", scenario: "across", metric: "p50Micros", contender: "echo" },
];

export const ACTOR_ROWS: readonly Row[] = [
  { what: "a parked actor, of a million", scenario: "actors-parked", metric: "bytesPerActor", against: otp },
  { what: "starting an actor and parking it", scenario: "actors-parked", against: otp },
  { what: "hops around a ring of 1,000 actors", scenario: "actors-ring", against: otp },
  { what: "calls to a server and their replies", scenario: "actors-calls", against: otp },
  {
    what: "a call with 500,000 messages unread, median",
    scenario: "actors-long-mailbox",
    metric: "p50Micros",
    contender: "heddle, 500,000",
    against: "heddle, empty",
  },
  { what: "messages to another thread", scenario: "actors-across", contender: "one way" },
  { what: "a call to another thread, median", scenario: "actors-across", metric: "p50Micros", contender: "call" },
  { what: "two actors play ping-pong", scenario: "actors-ping-pong", against: otp },
  { what: "big: everybody with everybody", scenario: "actors-big", against: otp },
  { what: "chameneos", scenario: "actors-chameneos", against: otp },
  { what: "fork-join: short lives", scenario: "actors-fork-join-create", against: otp },
  { what: "fork-join: full mailboxes", scenario: "actors-fork-join-throughput", against: otp },
  { what: "skynet, a million leaves", scenario: "actors-skynet", against: otp },
];

/** Values are medians over the rounds, ratios those of one value to the other. */
export function runtimeTable(results: Results, rows: readonly Row[]): string {
  const lines = rows.map(({ what, scenario, metric = "perSecond", contender = "heddle", against }) => {
    const value = medianOf(results, scenario, contender, metric);
    if (against === undefined) return `| ${what} | ${told(value, metric)} | | |`;
    const other = medianOf(results, scenario, against, metric);
    return `| ${what} | ${told(value, metric)} | ${against}: ${told(other, metric)} | ${(value / other).toFixed(2)} × |`;
  });
  return ["| | here | beside it | ratio |", "| --- | ---: | ---: | ---: |", ...lines].join("\n");
}

function told(value: number, metric: string): string {
  if (metric === "p50Micros") return `${value.toFixed(1)} µs`;
  if (metric !== "perSecond") return `${Math.round(value).toLocaleString("en")} bytes`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${Math.round(value).toLocaleString("en")}/s`;
}
