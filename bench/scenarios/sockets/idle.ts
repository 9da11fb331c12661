import { setTimeout as sleep } from "node:timers/promises";
import { kernelBytesEach, kernelMemory } from "../../harness/kernel-memory.ts";
import type { Pace, Sample, Scenario } from "../../harness/scenario.ts";
import type { RunningPeer } from "../../peers/peer.ts";
import { actors, CLIENTS, connectAll, COWBOY, PLAIN, QUICK_CLIENTS, threadsOf, withCrowd } from "./contenders.ts";
import { settledMemory } from "./settled-memory.ts";

const ONE = "heddle actors × 1";
const TWO = "heddle actors × 2";
/** Enough that all code has run, too few to leave room for thousands. */
const EARLY_CLIENTS = 100;
/** Closed connections are forgotten meanwhile. */
const REST_MS = 1000;
const ECHO_SECONDS = 5;
const MANY = 2_000_000;

export const idleSockets: Scenario = {
  name: "idle",
  title: "15,000 idle WebSockets",
  about:
    `${CLIENTS.toLocaleString("en")} clients connect (64 handshakes at once), each sends one message and gets it back, and then all are silent. Under heddle each WebSocket is an actor in its one ` +
    "worker, with one thread and with two. *Memory* is the growth of the whole server's PSS from `smaps_rollup`, after garbage is collected and until it does not fall any more, " +
    `divided by the number of clients. Before it, ${EARLY_CLIENTS} clients have come, talked and gone. *Kernel* is the growth of the kernel's objects for sockets (\`/proc/slabinfo\`) and of its TCP buffers ` +
    "(`/proc/net/sockstat`) for each end; as both ends are on this machine, half of it is the server's. The *projection* is both together for two million.",
  contenders: [actors(ONE, 1, 1), actors(TWO, 1, 2), PLAIN, COWBOY],
  atMostRounds: 3,
  metrics: [
    { key: "userBytes", label: "memory of one", unit: "bytes", digits: 0 },
    { key: "kernelBytes", label: "kernel", unit: "bytes", digits: 0 },
    { key: "projectedGiB", label: "2 million, projected", unit: "GiB", digits: 1 },
    { key: "idleMiB", label: "server without clients", unit: "MiB", digits: 0 },
    { key: "connectsPerSecond", label: "connected", unit: "1/s", digits: 0 },
    { key: "echoP99Ms", label: "p99 of the echo", unit: "ms", digits: 1 },
    { key: "lost", label: "lost", unit: "", digits: 0 },
  ],
  targets: [ONE, TWO].flatMap((contender) => [
    { metric: "userBytes", contender, atMost: 9000, over: "median" as const },
    { metric: "lost", contender, atMost: 0, over: "every round" as const },
  ]),
  measure: (running, contender, pace) => measure(running, threadsOf(contender), pace),
};

async function measure(running: RunningPeer, threads: number, pace: Pace): Promise<Sample> {
  const count = pace.quick ? QUICK_CLIENTS : CLIENTS;
  await withCrowd(running, 1, async (clients) => {
    await connectAll(clients, EARLY_CLIENTS);
    await clients.echo(1);
    await clients.publish({ perSecond: 10 }, 1);
  });
  await sleep(REST_MS);
  const before = { user: await settledMemory(running, threads), kernel: kernelMemory() };
  return withCrowd(running, 1, async (clients) => {
    const { seconds } = await connectAll(clients, count);
    const echo = await clients.echo(ECHO_SECONDS);
    const user = await settledMemory(running, threads);
    const userBytes = (user - before.user) / count;
    const kernelBytes = kernelBytesEach(before.kernel, kernelMemory(), 2 * count);
    const { open, ended } = await clients.alive();
    return {
      metrics: {
        userBytes,
        ...(kernelBytes === undefined
          ? {}
          : { kernelBytes, projectedGiB: ((userBytes + kernelBytes) * MANY) / 2 ** 30 }),
        idleMiB: before.user / 2 ** 20,
        connectsPerSecond: count / seconds,
        echoP99Ms: echo.p99Ms,
        lost: echo.lost + count - open,
      },
      detail: { echo, ended },
    };
  });
}
