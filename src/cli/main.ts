/** The command line: finds the command, runs it, turns what went wrong into one readable message and an exit code. */

import { nearest } from "../config/nearest.ts";
import { HeddleError } from "../errors/errors.ts";
import { check } from "./check.ts";
import { printError, tolerateClosedPipes } from "./output.ts";
import { serve } from "./serve.ts";
import { reload, scale, status, stop, threads } from "./talk.ts";
import { usage, version } from "./usage.ts";

export type Command = (argv: readonly string[]) => Promise<void>;

const commands: Readonly<Record<string, Command>> = { serve, check, status, reload, scale, stop, threads };

tolerateClosedPipes();
try {
  await run(process.argv.slice(2));
} catch (error) {
  printError(error);
  // At once: what a half-started server has open would keep the process alive.
  process.exit(error instanceof HeddleError ? (error.exitCode ?? 1) : 1);
}

async function run([name, ...rest]: readonly string[]): Promise<void> {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    console.log(usage());
    return;
  }
  if (name === "version" || name === "--version" || name === "-v") {
    console.log(version());
    return;
  }
  const command = commands[name];
  if (command === undefined) {
    const known = Object.keys(commands);
    const guess = nearest(name, known);
    const hint = guess === undefined ? `The commands are ${known.join(", ")}.` : `Did you mean \`heddle ${guess}\`?`;
    throw new HeddleError("CLI_USAGE", `there is no command ${JSON.stringify(name)}. ${hint}`);
  }
  await command(rest);
}
