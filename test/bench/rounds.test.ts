import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toMarkdown } from "../../bench/harness/report.ts";
import { runScenario, type ScenarioResult } from "../../bench/harness/rounds.ts";
import type { Contender, Pace, Scenario } from "../../bench/harness/scenario.ts";
import { type Availability, benchApp, type Peer, type RunningPeer } from "../../bench/peers/peer.ts";

// Quick: a fake is measured in no time, of which whatever else runs on the machine may have any share.
const pace: Pace = { seconds: 1, warmUpSeconds: 0, rounds: 4, quick: true };

/** A peer that notes what is done with it. */
function fakePeer(name: string, log: string[], fault?: "start" | "measure"): Peer {
  return {
    name,
    install: () => Promise.resolve({ available: true, version: "1" }),
    start() {
      log.push(`start ${name}`);
      if (fault === "start") return Promise.reject(new Error("it does not start"));
      const running: RunningPeer = {
        url: fault ?? "",
        pids: () => [],
        workerPids: () => [],
        stop: () => {
          log.push(`stop ${name}`);
          return Promise.resolve();
        },
      };
      return Promise.resolve(running);
    },
  };
}

function contender(peer: Peer): Contender {
  return { name: peer.name, peer, app: benchApp("hello"), options: { loops: 1 } };
}

function scenarioOf(peers: readonly Peer[], extra: Partial<Scenario> = {}): Scenario {
  return {
    name: "test",
    title: "A test",
    about: "Nothing.",
    contenders: peers.map(contender),
    metrics: [{ key: "speed", label: "speed", unit: "1/s", digits: 0, doubtful: { above: 150, because: "too good" } }],
    targets: [{ metric: "speed", contender: "a", against: "b", atLeast: 0.9, over: "median" }],
    measure(running, { name }) {
      if (running.url === "measure") return Promise.reject(new Error("it can't be measured"));
      return Promise.resolve({ metrics: { speed: name === "a" ? 95 : 100 } });
    },
    ...extra,
  };
}

function run(scenario: Scenario, missing: Readonly<Record<string, string>> = {}): Promise<ScenarioResult> {
  const found = scenario.contenders.map(({ peer }): [Peer, Availability] => {
    const reason = missing[peer.name];
    return [peer, reason === undefined ? { available: true, version: "1" } : { available: false, reason }];
  });
  // Always the same "random" number: an order that differs from the given one.
  return runScenario(
    scenario,
    pace,
    new Map(found),
    () => 0,
    () => {},
  );
}

function markdown(result: ScenarioResult): string {
  const machine = {
    cpu: "a CPU",
    cores: 2,
    memoryGiB: 8,
    kernel: "6",
    node: "v26",
    date: "2026-01-01",
    loadAverageAtStart: 0,
    generator: "co-located",
  };
  return toMarkdown({ name: "test", title: "Test", command: "npm test", machine, pace, seed: 1, scenarios: [result] });
}

describe("rounds", () => {
  it("run one contender at a time, each of them once a round, stopped before the next begins", async () => {
    const log: string[] = [];
    await run(scenarioOf([fakePeer("a", log), fakePeer("b", log)]));
    assert.equal(log.length, 4 * pace.rounds);
    for (let index = 0; index < log.length; index += 2) {
      assert.equal(log[index + 1], log[index]?.replace("start", "stop"));
    }
    assert.deepEqual(log.slice(0, 4).toSorted(), ["start a", "start b", "stop a", "stop b"]);
  });

  it("judge the targets by ratios within rounds", async () => {
    const { judged } = await run(scenarioOf([fakePeer("a", []), fakePeer("b", [])]));
    assert.deepEqual(judged[0]?.measured, { median: 0.95, min: 0.95, max: 0.95, count: pace.rounds });
    assert.equal(judged[0]?.verdict, "reached");
  });

  it("go on when a contender fails, stop it, and tell", async () => {
    const log: string[] = [];
    const result = await run(
      scenarioOf([fakePeer("a", log, "measure"), fakePeer("b", [], "start"), fakePeer("c", [])]),
    );
    assert.equal(log.filter((entry) => entry === "stop a").length, pace.rounds);
    assert.equal(result.judged[0]?.verdict, "not measured");
    const text = markdown(result);
    assert.match(text, /a failed in round 1: it can't be measured/);
    assert.match(text, /b failed in round 4: it does not start/);
    assert.match(text, /\| c \(1\) \| 100 \|/);
  });

  it("name a peer that is missing, with the reason", async () => {
    const log: string[] = [];
    const result = await run(scenarioOf([fakePeer("a", []), fakePeer("b", log)]), { b: "npm install failed\nE404" });
    assert.deepEqual(log, []);
    assert.match(markdown(result), /b is missing: npm install failed: E404/);
  });

  it("may be fewer for a scenario whose numbers hardly differ", async () => {
    const result = await run(scenarioOf([fakePeer("a", [])], { atMostRounds: 2 }));
    assert.equal(result.contenders[0]?.rounds.length, 2);
  });

  it("say who takes no part and what is doubtful", async () => {
    const result = await run(
      scenarioOf([fakePeer("a", [])], {
        leftOut: { Go: "it has no reload" },
        measure: () => Promise.resolve({ metrics: { speed: 200 } }),
      }),
    );
    const text = markdown(result);
    assert.match(text, /Go takes no part: it has no reload/);
    assert.match(text, /a: speed above 150 in 4 of 4 rounds, too good/);
  });
});
