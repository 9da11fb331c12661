/** The command line: finds the command, runs it, and turns an error into one readable message and an exit code. */

import { nearest } from "../config/nearest.ts";
import { HeddleError } from "../errors/errors.ts";
import { printError, tolerateClosedPipes, tolerateLostOutput } from "./output.ts";

export type Command = (argv: readonly string[]) => Promise<void>;

/** A command is loaded when it is called: the arbiter runs for months and should not keep the other commands' code. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./serve.ts")).serve,
  check: async () => (await import("./check.ts")).check,
  tune: async () => (await import("./tune.ts")).tune,
  status: async () => (await import("./talk.ts")).status,
  reload: async () => (await import("./talk.ts")).reload,
  scale: async () => (await import("./talk.ts")).scale,
  stop: async () => (await import("./talk.ts")).stop,
  threads: async () => (await import("./talk.ts")).threads,
  leaks: async () => (await import("./talk.ts")).leaks,
};

if (process.argv[2] === "serve") tolerateLostOutput();
else tolerateClosedPipes();
try {
  await run(process.argv.slice(2));
} catch (error) {
  printError(error);
  // At once: open handles of a half-started server would keep the process alive.
  process.exit(error instanceof HeddleError ? (error.exitCode ?? 1) : 1);
}

async function run([name, ...rest]: readonly string[]): Promise<void> {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    console.log((await import("./usage.ts")).usage());
    return;
  }
  if (name === "version" || name === "--version" || name === "-v") {
    console.log((await import("./usage.ts")).version());
    return;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    const known = Object.keys(commands);
    const guess = nearest(name, known);
    const hint = guess === undefined ? `The commands are ${known.join(", ")}.` : `Did you mean \`heddle ${guess}\`?`;
    throw new HeddleError("CLI_USAGE", `there is no command ${JSON.stringify(name)}. ${hint}`);
  }
  const command = await load();
  await command(rest);
}
