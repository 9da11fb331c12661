/** Tasks and channels, beside the same programs in Go. */
import type { Scenario } from "../../harness/scenario.ts";
import { goRuntime, heddleTasks } from "../../peers/program.ts";
import { contender, measure, PER_SECOND } from "./program.ts";

const over = "median";
const metric = PER_SECOND.key;
const TRY =
  "*try first* sends with `trySend` and awaits `send` only when that says it would wait (`tryReceive` likewise): " +
  "an `await` costs a turn of the microtask queue also where nothing has to be waited for.";

const BARE =
  "*Bare promises* is the least a channel can be made of in JavaScript (`bench/apps/runtime/bare.ts`): what it takes no library can take away.";

export const pingPong: Scenario = {
  name: "ping-pong",
  title: "Two tasks and two unbuffered channels",
  about: `A value goes back and forth on one thread; each hop is an operation. ${TRY} ${BARE}`,
  contenders: [
    contender("heddle", heddleTasks("ping-pong")),
    contender("heddle, try first", heddleTasks("ping-pong-try")),
    contender("bare promises", heddleTasks("ping-pong-bare")),
    contender("Go", goRuntime("ping-pong")),
  ],
  metrics: [PER_SECOND],
  targets: [
    { metric, contender: "heddle", against: "Go", atLeast: 1, over },
    { metric, contender: "heddle", against: "bare promises", atLeast: 0.7, over },
    { metric, contender: "heddle, try first", against: "Go", atLeast: 1, over },
  ],
  measure,
};

export const pipeline: Scenario = {
  name: "pipeline",
  title: "A pipeline of 1,000 stages",
  about: `A thousand values pass a thousand tasks over unbuffered channels on one thread; each hop is an operation. ${BARE}`,
  contenders: [
    contender("heddle", heddleTasks("pipeline")),
    contender("bare promises", heddleTasks("pipeline-bare")),
    contender("Go", goRuntime("pipeline")),
  ],
  metrics: [PER_SECOND],
  targets: [{ metric, contender: "heddle", against: "Go", atLeast: 0.8, over }],
  measure,
};

export const buffered: Scenario = {
  name: "buffered",
  title: "A producer and a consumer",
  about: `Five million values over a channel of capacity 128 on one thread; each value is an operation. ${TRY} ${BARE}`,
  contenders: [
    contender("heddle", heddleTasks("buffered")),
    contender("heddle, try first", heddleTasks("buffered-try")),
    contender("bare promises", heddleTasks("buffered-bare")),
    contender("Go", goRuntime("buffered")),
  ],
  metrics: [PER_SECOND],
  targets: [
    { metric, contender: "heddle", against: "Go", atLeast: 0.5, over },
    { metric, contender: "heddle, try first", against: "Go", atLeast: 1, over },
  ],
  measure,
};

export const parked: Scenario = {
  name: "parked",
  title: "A million parked tasks",
  about:
    "A million tasks that wait on one channel. Memory is what the process's resident set has grown by, divided by a million; the " +
    "speed is that of starting them and letting each run to its first wait.",
  contenders: [contender("heddle", heddleTasks("parked")), contender("Go", goRuntime("parked"))],
  atMostRounds: 3,
  metrics: [{ key: "bytesPerTask", label: "memory", unit: "bytes", digits: 0 }, PER_SECOND],
  targets: [
    { metric: "bytesPerTask", contender: "heddle", against: "Go", atMost: 0.4, over },
    { metric, contender: "heddle", against: "Go", atLeast: 1, over },
  ],
  measure,
};

export const fanOut: Scenario = {
  name: "fan-out",
  title: "10,000 tasks that compute for a millisecond",
  about:
    "Started from the main thread, on one scheduler thread and on two. A millisecond is one of the thread's own CPU time.",
  contenders: [contender("one thread", heddleTasks("fan-out-1")), contender("two threads", heddleTasks("fan-out-2"))],
  atMostRounds: 3,
  metrics: [PER_SECOND],
  targets: [{ metric, contender: "two threads", against: "one thread", atLeast: 1.85, over }],
  measure,
};

export const across: Scenario = {
  name: "across",
  title: "Channels between two threads",
  about:
    "*One way*: a task on another thread keeps up to a thousand sends under way to a channel of this thread, where another task " +
    "receives. *Echo*: one value goes there and back over two unbuffered channels, four operations, and is timed.",
  contenders: [contender("one way", heddleTasks("one-way")), contender("echo", heddleTasks("echo-across"))],
  atMostRounds: 3,
  metrics: [
    PER_SECOND,
    { key: "p50Micros", label: "p50", unit: "µs", digits: 1 },
    { key: "p99Micros", label: "p99", unit: "µs", digits: 1 },
  ],
  targets: [{ metric, contender: "one way", atLeast: 500_000, over }],
  measure,
};
