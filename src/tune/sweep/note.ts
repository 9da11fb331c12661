/** What a user should know of how a sweep ended. Pure. */

import { count } from "../../errors/count.ts";
import { causeInWords, mainCause } from "../load/causes.ts";
import { counted } from "./levels.ts";
import { DEFAULT_RULES, type SweepResult } from "./sweep.ts";

/** undefined: it is complete. */
export function sweepNote({ levels, end }: SweepResult): string | undefined {
  if (end === "budget") return "the time ended before throughput was flat. A longer --budget goes on.";
  if (end === "largest") return `no more than ${atOnce(levels)} in flight are tried.`;
  if (end === "generator") return "the load generator was at its own limit. The server can do more than was measured.";
  if (end === "errors") {
    const last = levels.at(-1)?.samples ?? [];
    const isSilent = last.every(({ answers, errors }) => answers + errors === 0);
    const cause = mainCause(last);
    const most = cause === undefined ? "" : ` (most of them: ${causeInWords(cause)})`;
    const what = isSilent ? "there was no answer" : `more than 1 % of the answers were errors${most}`;
    return `with ${atOnce(levels)} in flight ${what}, so no more were tried.`;
  }
  if (end !== "flat") return undefined;
  const fewest = Math.min(...levels.filter((level) => counted(level).length > 0).map((level) => counted(level).length));
  return fewest < DEFAULT_RULES.repetitions
    ? `there was time for only ${fewest} of ${DEFAULT_RULES.repetitions} good windows of some level. A longer --budget narrows the interval.`
    : undefined;
}

function atOnce(levels: SweepResult["levels"]): string {
  return count(levels.at(-1)?.concurrency ?? 0, "request");
}
