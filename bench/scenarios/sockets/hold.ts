import { setTimeout as sleep } from "node:timers/promises";
import { kernelBytesEach, kernelMemory } from "../../harness/kernel-memory.ts";
import { treeMemory } from "../../harness/memory.ts";
import type { Pace, Sample, Scenario } from "../../harness/scenario.ts";
import type { RunningPeer } from "../../peers/peer.ts";
import { actors, connectAll, withCrowd } from "./contenders.ts";

/** Connections are not spread exactly evenly, and no worker may come near the 20,000 files that it may open. */
const WORKERS = 8;
const CONTENDER = `heddle actors, ${WORKERS} workers`;
const CLIENTS = 100_000;
const QUICK_CLIENTS = 6000;
/** Each of them may open as many files as a worker may. */
const CLIENT_PROCESSES = 6;
const HELD_MS = 10_000;
const ECHO_SECONDS = 20;
const PATIENCE_MS = 60_000;

export const hold: Scenario = {
  name: "hold",
  title: "100,000 WebSockets on one machine",
  about:
    `A process may open 20,000 files here, so ${WORKERS} workers hold them together, and ${CLIENT_PROCESSES} processes are the clients. All connect, are silent for ${HELD_MS / 1000} seconds, then each sends a message and gets it back ` +
    `(spread over ${ECHO_SECONDS} seconds), then one message goes to the room that all workers share. *Held* are those still connected at the end; *lost* are messages that did not come.`,
  contenders: [actors(CONTENDER, WORKERS, 1)],
  leftOut: {
    "plain ws": "it is one process, which may not open as many files",
    Cowboy: "it is one process, which may not open as many files",
  },
  atMostRounds: 1,
  metrics: [
    { key: "held", label: "held", unit: "", digits: 0 },
    { key: "lost", label: "echoes lost", unit: "", digits: 0 },
    { key: "roomLost", label: "deliveries lost", unit: "", digits: 0 },
    { key: "connectsPerSecond", label: "connected", unit: "1/s", digits: 0 },
    { key: "echoP99Ms", label: "p99 of the echo", unit: "ms", digits: 1 },
    { key: "roomP99Ms", label: "p99 of the room", unit: "ms", digits: 0 },
    { key: "pssMiB", label: "memory (PSS)", unit: "MiB", digits: 0 },
    { key: "kernelBytes", label: "kernel, of one", unit: "bytes", digits: 0 },
  ],
  targets: [
    { metric: "held", contender: CONTENDER, atLeast: CLIENTS, over: "every round" },
    { metric: "lost", contender: CONTENDER, atMost: 0, over: "every round" },
    { metric: "roomLost", contender: CONTENDER, atMost: 0, over: "every round" },
  ],
  measure: (running, _contender, pace) => measure(running, pace),
};

function measure(running: RunningPeer, pace: Pace): Promise<Sample> {
  const count = pace.quick ? QUICK_CLIENTS : CLIENTS;
  return withCrowd(running, CLIENT_PROCESSES, async (clients) => {
    const before = kernelMemory();
    const { seconds } = await connectAll(clients, count);
    await sleep(pace.quick ? 1000 : HELD_MS);
    const kernelBytes = kernelBytesEach(before, kernelMemory(), 2 * count);
    const { pssMiB } = treeMemory(running.pids());
    const echo = await clients.echo(pace.quick ? 2 : ECHO_SECONDS, PATIENCE_MS);
    const room = await clients.publish({ perSecond: 1 }, 1, PATIENCE_MS);
    const { open, ended } = await clients.alive();
    return {
      metrics: {
        held: open,
        lost: echo.lost,
        roomLost: room.sent * count - room.received,
        connectsPerSecond: count / seconds,
        echoP99Ms: echo.p99Ms,
        roomP99Ms: room.p99Ms,
        pssMiB,
        ...(kernelBytes === undefined ? {} : { kernelBytes }),
      },
      detail: { echo, room, ended },
    };
  });
}
