import type { Pace, Sample, Scenario } from "../../harness/scenario.ts";
import type { RunningPeer } from "../../peers/peer.ts";
import { actors, CLIENTS, connectAll, COWBOY, PLAIN, QUICK_CLIENTS, withCrowd } from "./contenders.ts";

const TWO = "heddle actors × 2";
/** Slow enough that every contender has finished one before the next. */
const PER_SECOND = 1;
const SHORTEST_SECONDS = 10;
/** One on its way to the clients, and the next at the server: it never waits for the clients. */
const WINDOW = 2;
const WARM_UP_SECONDS = 3;

export const broadcast: Scenario = {
  name: "broadcast",
  title: "A room of 15,000",
  about:
    `All of ${CLIENTS.toLocaleString("en")} clients are in one room. One of them sends a message of 100 bytes, and the server sends it on to all. First ${PER_SECOND === 1 ? "one" : PER_SECOND} a second: the latencies are ` +
    `those of every single delivery, from when the message was due to be sent. Then as many as the server can do, with ${WINDOW} under way: deliveries a second. Every delivery is counted. ` +
    "Under heddle each WebSocket is an actor and two threads share the room; plain `ws` is one loop over a Set of sockets.",
  contenders: [actors(TWO, 1, 2), actors("heddle actors × 1", 1, 1), PLAIN, COWBOY],
  metrics: [
    { key: "messagesPerSecond", label: "deliveries", unit: "1/s", digits: 0 },
    { key: "p50Ms", label: "p50", unit: "ms", digits: 1 },
    { key: "p99Ms", label: "p99", unit: "ms", digits: 1 },
    { key: "maxMs", label: "longest", unit: "ms", digits: 1 },
    { key: "lost", label: "lost", unit: "", digits: 0 },
    {
      key: "generatorCpu",
      label: "clients' CPU",
      unit: "cores",
      digits: 2,
      doubtful: { above: 0.9, because: "the clients may have set the pace" },
    },
  ],
  targets: [
    { metric: "messagesPerSecond", contender: TWO, against: PLAIN.name, atLeast: 1.5, over: "median" },
    { metric: "p99Ms", contender: TWO, against: PLAIN.name, atMost: 0.667, over: "median" },
    { metric: "lost", contender: TWO, atMost: 0, over: "every round" },
  ],
  measure: (running, _contender, pace) => measure(running, pace),
};

function measure(running: RunningPeer, pace: Pace): Promise<Sample> {
  const count = pace.quick ? QUICK_CLIENTS : CLIENTS;
  return withCrowd(running, 1, async (clients) => {
    await connectAll(clients, count);
    await clients.echo(1);
    await clients.publish({ window: WINDOW }, Math.min(WARM_UP_SECONDS, pace.warmUpSeconds));
    const paced = await clients.publish(
      { perSecond: PER_SECOND },
      pace.quick ? 3 : Math.max(SHORTEST_SECONDS, pace.seconds),
    );
    const cpuBefore = clients.cpuSeconds();
    const startedAt = performance.now();
    const flood = await clients.publish({ window: WINDOW }, pace.seconds);
    const generatorCpu = (clients.cpuSeconds() - cpuBefore) / ((performance.now() - startedAt) / 1000);
    const { open, ended } = await clients.alive();
    const missing = [paced, flood].map(({ sent, received }) => sent * count - received);
    return {
      metrics: {
        messagesPerSecond: flood.perSecond,
        p50Ms: paced.p50Ms,
        p99Ms: paced.p99Ms,
        maxMs: paced.maxMs,
        lost: missing.reduce((sum, each) => sum + each, 0) + count - open,
        generatorCpu,
      },
      detail: { paced, flood, ended },
    };
  });
}
