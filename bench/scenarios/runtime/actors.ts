/** Actors, beside the same programs in Erlang. */
import type { Contender, Scenario } from "../../harness/scenario.ts";
import { erlangRuntime } from "../../peers/erlang.ts";
import { heddleActors } from "../../peers/program.ts";
import { contender, measure, PER_SECOND } from "./program.ts";

const over = "median";
const metric = PER_SECOND.key;
const P50 = { key: "p50Micros", label: "p50", unit: "µs", digits: 1 };
const P99 = { key: "p99Micros", label: "p99", unit: "µs", digits: 1 };

function both(workload: string): Contender[] {
  return [contender("heddle", heddleActors(workload)), contender("Erlang/OTP", erlangRuntime(workload))];
}

function micro(workload: string, title: string, about: string): Scenario {
  const metrics = [PER_SECOND];
  return {
    name: `actors-${workload}`,
    title,
    about,
    contenders: both(workload),
    atMostRounds: 3,
    metrics,
    targets: [],
    measure,
  };
}

export const parkedActors: Scenario = {
  ...micro(
    "parked",
    "A million parked actors",
    "Memory is what the runtime says it uses for them (V8's heap after a collection, Erlang's `processes`), and what the resident set has " +
      "grown by, divided by a million. The speed is that of spawning them, and letting each run to its first receive.",
  ),
  metrics: [
    { key: "bytesPerActor", label: "memory", unit: "bytes", digits: 0 },
    { key: "residentPerActor", label: "resident", unit: "bytes", digits: 0 },
    PER_SECOND,
  ],
  targets: [
    { metric: "bytesPerActor", contender: "heddle", atMost: 1050, over },
    { metric, contender: "heddle", against: "Erlang/OTP", atLeast: 2.5, over },
  ],
};

export const ring: Scenario = {
  ...micro("ring", "A ring of 1,000 actors", "A message object goes around; each hop copies it, and is an operation."),
  targets: [{ metric, contender: "heddle", against: "Erlang/OTP", atLeast: 1.5, over }],
};

export const calls: Scenario = {
  ...micro(
    "calls",
    "Calls to a server",
    "`genServer` and `gen_server`, both on one thread; a call and its reply are an operation.",
  ),
  targets: [{ metric, contender: "heddle", against: "Erlang/OTP", atLeast: 1, over }],
};

export const longMailbox: Scenario = {
  name: "actors-long-mailbox",
  title: "A call with 500,000 messages unread",
  about: "The caller's mailbox is empty, or holds 500,000 messages. The time of one call and its reply.",
  contenders: [
    contender("heddle, empty", heddleActors("call-empty")),
    contender("heddle, 500,000", heddleActors("call-500000")),
    contender("Erlang/OTP, empty", erlangRuntime("call-empty")),
    contender("Erlang/OTP, 500,000", erlangRuntime("call-500000")),
  ],
  atMostRounds: 3,
  metrics: [P50, P99],
  targets: [{ metric: P50.key, contender: "heddle, 500,000", against: "heddle, empty", atMost: 10, over }],
  measure,
};

export const actorsAcross: Scenario = {
  name: "actors-across",
  title: "Actors on two threads",
  about:
    "*One way*: small messages from the main thread to an actor on another, at most 10,000 under way. *Call*: one call at a time.",
  contenders: [contender("one way", heddleActors("one-way-across")), contender("call", heddleActors("call-across"))],
  atMostRounds: 3,
  metrics: [PER_SECOND, P50, P99],
  targets: [
    { metric, contender: "one way", atLeast: 500_000, over },
    { metric: P50.key, contender: "call", atMost: 25, over },
  ],
  measure,
};

/** The usual set, as a table: where JavaScript loses, it says so. */
export const usualSet: readonly Scenario[] = [
  micro("ping-pong", "Two actors", "A message object goes back and forth; each message is an operation."),
  micro(
    "big",
    "Everybody with everybody",
    "Each of 700 actors pings all others and waits for all answers; each message is an operation.",
  ),
  micro("chameneos", "Chameneos", "A hundred actors meet in pairs at one place, 500,000 times."),
  micro(
    "fork-join-create",
    "Short lives",
    "400,000 actors that receive one message and exit; each actor is an operation.",
  ),
  micro("fork-join-throughput", "Full mailboxes", "60 actors get 50,000 messages each, before they read the first."),
  micro(
    "skynet",
    "Skynet",
    "A tree of actors with ten branches each and a million leaves, whose numbers are summed up; each leaf is an operation.",
  ),
];
