/** The command line that all benchmarks share. */
import { parseArgs } from "node:util";
import type { Pace, Scenario } from "./scenario.ts";

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  readonly pace: Pace;
  readonly seed: number;
  /** Contenders whose name contains one of these take part. Empty: all. */
  readonly only: readonly string[];
}

const HELP = `  --scenario name[,name]   only these (default: all)
  --only text[,text]       only contenders whose name holds one of these
  --rounds n               default 5
  --seconds n              length of one measurement, default 5
  --quick                  one short round, to see that everything works
  --seed n                 repeat the order of an earlier run
  --list                   print the scenarios and their contenders`;

/** Throws an error that says what, got and what is allowed. undefined: the command line only asked for help or a list. */
export function parseOptions(all: readonly Scenario[], args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: "string" },
      only: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean" },
      seed: { type: "string" },
      list: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return undefined;
  }
  if (values.list === true) {
    for (const { name, contenders } of all) console.log(`${name}: ${contenders.map((each) => each.name).join(" | ")}`);
    return undefined;
  }
  const quick = values.quick ?? false;
  return {
    scenarios: pick(all, values.scenario),
    pace: {
      rounds: count("--rounds", values.rounds, quick ? 1 : 5),
      seconds: count("--seconds", values.seconds, quick ? 1 : 5),
      warmUpSeconds: quick ? 1 : 6,
      quick,
    },
    seed: count("--seed", values.seed, (Date.now() % 1_000_000) + 1),
    only: values.only?.split(",") ?? [],
  };
}

function pick(all: readonly Scenario[], names: string | undefined): readonly Scenario[] {
  if (names === undefined) return all;
  return names.split(",").map((name) => {
    const found = all.find((scenario) => scenario.name === name);
    if (found === undefined)
      throw new Error(
        `--scenario ${name}: there is none of that name; known: ${all.map((each) => each.name).join(", ")}`,
      );
    return found;
  });
}

function count(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${flag} ${text}: a whole number of at least 1 is wanted`);
  return Number(text);
}
