/** The commands that talk to a running server: status, threads, leaks, reload, scale, stop. */

import { count } from "../errors/count.ts";
import { controlPath, flagSpecs, parseArguments } from "../config/config.ts";
import { ask, command, findServer } from "../server/control/client.ts";
import type { ServerStatus } from "../server/control/status.ts";
import { HeddleError } from "../errors/errors.ts";
import type { LeakView, TreeView } from "../server/worker/report/unit-views.ts";
import type { ThreadView } from "../server/worker/worker-protocol.ts";
import { formatStatus, formatThreads } from "./tables.ts";
import { formatLeaks, formatTrees } from "./units.ts";

interface Request {
  readonly path: string;
  readonly json: boolean;
  readonly isSet: (flag: string) => boolean;
  readonly positionals: readonly string[];
}

async function parse(
  argv: readonly string[],
  name: string,
  positionalCount: number,
  own: readonly string[] = [],
): Promise<Request> {
  const switches = ["json", ...own].map((flag) => ({ flag, boolean: true }) as const);
  const { flags, ...parsed } = parseArguments(argv, [...flagSpecs("control"), ...switches]);
  const positionals = [...parsed.positionals, ...parsed.rest];
  if (positionals.length !== positionalCount) {
    throw new HeddleError(
      "CLI_USAGE",
      `heddle ${name}: expected ${count(positionalCount, "argument")}, got ${positionals.length}. See heddle --help.`,
    );
  }
  const cwd = process.cwd();
  const path = await findServer(controlPath(flags, process.env, cwd), cwd);
  const isSet = (flag: string): boolean => flags[flag]?.at(-1) === "true";
  return { path, json: isSet("json"), isSet, positionals };
}

export async function status(argv: readonly string[]): Promise<void> {
  const { path, json } = await parse(argv, "status", 0);
  const answer = (await ask(path, "/status")) as ServerStatus;
  console.log(json ? JSON.stringify(answer, null, 2) : formatStatus(answer));
}

export async function threads(argv: readonly string[]): Promise<void> {
  const { path, json, isSet } = await parse(argv, "threads", 0, ["tree"]);
  if (isSet("tree")) {
    const trees = (await ask(path, "/tree")) as TreeView[];
    console.log(json ? JSON.stringify(trees, null, 2) : formatTrees(trees));
    return;
  }
  const answer = (await ask(path, "/threads")) as ThreadView[];
  console.log(json ? JSON.stringify(answer, null, 2) : formatThreads(answer));
}

export async function leaks(argv: readonly string[]): Promise<void> {
  const { path, json } = await parse(argv, "leaks", 0);
  const found = (await command(path, "/leaks", { progress: progressOf(json) })) as LeakView[];
  console.log(json ? JSON.stringify(found, null, 2) : formatLeaks(found));
}

export async function reload(argv: readonly string[]): Promise<void> {
  const { path, json } = await parse(argv, "reload", 0);
  const done = (await command(path, "/reload", { progress: progressOf(json) })) as Outcome & { generation: number };
  const { generation, workers, serving, killed } = done;
  const what = serving === workers ? `generation ${generation} serves` : `generation ${generation}: ${lacking(done)}`;
  console.log(json ? JSON.stringify(done, null, 2) : `${what}${killedNote(killed)}`);
}

export async function scale(argv: readonly string[]): Promise<void> {
  // "-1" is a number here, not a flag.
  const { path, json, positionals } = await parse(
    argv.map((text) => (/^-\d+$/.test(text) ? `=${text}` : text)),
    "scale",
    1,
  );
  const to = positionals[0]!.replace(/^=/, "");
  const question = `/scale?to=${encodeURIComponent(to)}`;
  const done = (await command(path, question, { progress: progressOf(json) })) as Outcome;
  const { workers, serving, killed } = done;
  const what = serving === workers ? count(workers, "worker serves", "workers serve") : lacking(done);
  console.log(json ? JSON.stringify(done, null, 2) : `${what}${killedNote(killed)}`);
}

export async function stop(argv: readonly string[]): Promise<void> {
  const { path, json } = await parse(argv, "stop", 0);
  const done = await command(path, "/stop", { progress: progressOf(json), untilItEnds: true });
  const { killed } = done as Pick<Outcome, "killed">;
  console.log(json ? JSON.stringify(done, null, 2) : `stopped${killedNote(killed)}`);
  if (killed > 0) process.exitCode = 1;
}

/** With `--json` stdout has the answer and nothing else. */
function progressOf(json: boolean): (line: string) => void {
  return json ? () => {} : console.log;
}

/** How it stands when the command has taken effect. */
interface Outcome {
  readonly workers: number;
  readonly serving: number;
  /** Old workers that were cut short. */
  readonly killed: number;
}

/** Sets the exit code: the command has taken effect, but its effect is not what was asked for. */
function lacking({ workers, serving }: Outcome): string {
  process.exitCode = 1;
  return `${serving} of ${count(workers, "worker")} served within --boot-timeout; \`heddle status\` and the log say why`;
}

function killedNote(killed: number): string {
  return killed === 0
    ? ""
    : `; ${killed} of the workers had not finished at the graceful timeout: what was left was cut`;
}
