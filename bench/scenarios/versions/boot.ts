import { setTimeout as sleep } from "node:timers/promises";
import { monotonicMs } from "../../../src/kit/clock.ts";
import { treeMemory } from "../../harness/memory.ts";
import type { Contender, Scenario } from "../../harness/scenario.ts";
import { wrk } from "../../harness/wrk.ts";
import type { Peer, RunningPeer } from "../../peers/peer.ts";
import { bothVersions } from "./versions.ts";

const SETTLE_MS = 2000;
const SHAPES = [
  ["loop × 2", 1, "--threads 2"],
  ["2 workers", 2, "--threads 1"],
  ["threads × 5", 1, "--model threads --threads 5"],
] as const;

const bootMs = new WeakMap<RunningPeer, number>();

/** Notes how long the start took, up to the first answer. */
function timed(peer: Peer): Peer {
  return {
    ...peer,
    start: async (app, options) => {
      const startedMs = monotonicMs();
      const running = await peer.start(app, options);
      bootMs.set(running, monotonicMs() - startedMs);
      return running;
    },
  };
}

const peers = new Map<Peer, Peer>();

function timedContender(contender: Contender): Contender {
  const peer = peers.get(contender.peer) ?? timed(contender.peer);
  peers.set(contender.peer, peer);
  return { ...contender, peer };
}

export const boot: Scenario = {
  name: "boot",
  title: "From the command to the first answer, and memory",
  about:
    "The hello app. Memory is the RSS of all processes, two seconds after the first answer and after a hello load.",
  contenders: SHAPES.flatMap((shape) => bothVersions(shape[0], "hello", shape[1], shape[2]).map(timedContender)),
  metrics: [
    { key: "bootMs", label: "boot", unit: "ms", digits: 0 },
    { key: "idleRssMiB", label: "idle RSS", unit: "MiB", digits: 0 },
    { key: "rssMiB", label: "RSS after load", unit: "MiB", digits: 0 },
  ],
  targets: SHAPES.flatMap(([name]) =>
    ["bootMs", "idleRssMiB", "rssMiB"].map((metric) => ({
      metric,
      over: "median" as const,
      contender: `${name}, now`,
      against: `${name}, base`,
      atMost: 1.03,
    })),
  ),
  async measure(running, _contender, pace) {
    await sleep(SETTLE_MS);
    const idleRssMiB = treeMemory(running.pids()).rssMiB;
    await wrk(`${running.url}/`, { connections: 64, seconds: pace.seconds });
    await sleep(SETTLE_MS);
    return { metrics: { bootMs: bootMs.get(running) ?? 0, idleRssMiB, rssMiB: treeMemory(running.pids()).rssMiB } };
  },
};
