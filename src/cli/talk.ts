/** The commands that talk to a running server: status, threads, reload, scale, stop. */

import { flagSpecs, parseArguments } from "../config/config.ts";
import { ask, command, findServer } from "../server/control/client.ts";
import type { ServerStatus } from "../server/control/status.ts";
import { HeddleError } from "../errors/errors.ts";
import type { ThreadView } from "../server/worker/worker-protocol.ts";
import { formatStatus, formatThreads } from "./tables.ts";

interface Request {
  readonly path: string;
  readonly json: boolean;
  readonly positionals: readonly string[];
}

async function parse(argv: readonly string[], name: string, positionalCount: number): Promise<Request> {
  const { flags, ...parsed } = parseArguments(argv, [...flagSpecs("control"), { flag: "json", boolean: true }]);
  const positionals = [...parsed.positionals, ...parsed.rest];
  if (positionals.length !== positionalCount) {
    throw new HeddleError(
      "CLI_USAGE",
      `heddle ${name}: expected ${positionalCount} arguments, got ${positionals.length}. See heddle --help.`,
    );
  }
  const path = await findServer(flags["control"]?.at(-1) ?? process.env["HEDDLE_CONTROL"], process.cwd());
  return { path, json: flags["json"]?.at(-1) === "true", positionals };
}

export async function status(argv: readonly string[]): Promise<void> {
  const { path, json } = await parse(argv, "status", 0);
  const answer = (await ask(path, "/status")) as ServerStatus;
  console.log(json ? JSON.stringify(answer, null, 2) : formatStatus(answer));
}

export async function threads(argv: readonly string[]): Promise<void> {
  const { path, json } = await parse(argv, "threads", 0);
  const answer = (await ask(path, "/threads")) as ThreadView[];
  console.log(json ? JSON.stringify(answer, null, 2) : formatThreads(answer));
}

export async function reload(argv: readonly string[]): Promise<void> {
  const { path } = await parse(argv, "reload", 0);
  const { generation, killed } = (await command(path, "/reload", { progress: console.log })) as {
    generation: number;
    killed: number;
  };
  console.log(`generation ${generation} serves${killedNote(killed)}`);
}

export async function scale(argv: readonly string[]): Promise<void> {
  // "-1" is a number here, not a flag.
  const { path, positionals } = await parse(
    argv.map((text) => (/^-\d+$/.test(text) ? `=${text}` : text)),
    "scale",
    1,
  );
  const to = positionals[0]!.replace(/^=/, "");
  const question = `/scale?to=${encodeURIComponent(to)}`;
  const { workers, killed } = (await command(path, question, { progress: console.log })) as {
    workers: number;
    killed: number;
  };
  console.log(`${workers} ${workers === 1 ? "worker serves" : "workers serve"}${killedNote(killed)}`);
}

export async function stop(argv: readonly string[]): Promise<void> {
  const { path } = await parse(argv, "stop", 0);
  const { killed } = (await command(path, "/stop", { progress: console.log, untilItEnds: true })) as { killed: number };
  console.log(`stopped${killedNote(killed)}`);
  if (killed > 0) process.exitCode = 1;
}

function killedNote(killed: number): string {
  return killed === 0
    ? ""
    : `; ${killed} of the workers had not finished at the graceful timeout: what was left was cut`;
}
