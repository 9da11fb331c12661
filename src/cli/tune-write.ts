/** `heddle tune --write`: shows the difference, asks before a value of the user's is replaced, and says what was done. */

import { basename, relative } from "node:path";
import { createInterface } from "node:readline/promises";
import { count } from "../errors/count.ts";
import type { ConfigFields, Conflict } from "../tune/write/edit-config.ts";
import { writeConfig, type WriteOutcome } from "../tune/write/write-config.ts";
import type { TuneResult } from "../tune/types.ts";

export interface ConfigPlace {
  readonly cwd: string;
  /** The config file that the settings came from, absolute. */
  readonly configFile?: string;
}

/** `say`: where it tells. `yes`: values of the user's are replaced without a question. */
export async function writeRecommendation(
  result: TuneResult,
  { cwd, configFile }: ConfigPlace,
  yes: boolean,
  say: (line: string) => void,
): Promise<void> {
  const fields = fieldsOf(result);
  if (fields === undefined) {
    say("--write: there is no recommendation to write");
    return;
  }
  const outcome = await writeConfig({
    cwd,
    ...(configFile === undefined ? {} : { configFile }),
    fields,
    show: (file, diff) => say(`\n${relative(cwd, file)}\n${diff}\n`),
    agree: async (conflicts, file) => yes || (await ask(conflicts, basename(file))),
  });
  say(describe(outcome, cwd));
}

/** What a config file gets. undefined: nothing was recommended. */
export function fieldsOf({ recommendation, knee }: TuneResult): ConfigFields | undefined {
  if (recommendation === undefined) return undefined;
  const { model, workers, threads, routes } = recommendation;
  return {
    model,
    workers,
    threads,
    ...(routes === undefined ? {} : { routes }),
    ...("value" in knee ? { limit: `adaptive:${Math.max(1, Math.round(knee.value))}` } : {}),
  };
}

/** Where the question is asked. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Without a terminal nobody can agree. Ctrl-C and Ctrl-D are a no. */
export async function ask(
  conflicts: readonly Conflict[],
  file: string,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<boolean> {
  if (input.isTTY !== true || output.isTTY !== true) return false;
  const lines = createInterface({ input, output, terminal: true });
  try {
    const names = conflicts.map(({ name }) => name).join(", ");
    const answer = await lines.question(
      `${file} has ${count(conflicts.length, "value")} already (${names}). Replace? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
    output.write("\n");
    return false;
  } finally {
    lines.close();
  }
}

function describe(outcome: WriteOutcome, cwd: string): string {
  const file = relative(cwd, outcome.file);
  if (outcome.kind === "written") return outcome.isNew ? `wrote   ${file}` : `changed ${file}`;
  if (outcome.kind === "unchanged") return `${file} has all of it already`;
  if (outcome.kind === "declined") {
    return `${file} was not changed: it has these values already. --yes replaces them without asking`;
  }
  return `${file} was not changed: its form is one that heddle does not edit. Put this into what it exports:\n${outcome.fields}`;
}
