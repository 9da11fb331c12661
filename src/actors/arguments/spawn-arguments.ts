/** The arguments of `spawn`, and the limits of mailboxes. */

import type { MailboxLimits } from "../messaging/mailbox.ts";
import { invalid, isRecord, mustBeArray, mustBeDuration, mustBeOptions, show } from "./arguments.ts";
import { Pid } from "../process/pid.ts";
import { Via } from "../registry/via.ts";
import { HeddleError } from "../../errors/errors.ts";

const overflows: readonly unknown[] = ["error", "dropOldest", "dropNewest"];

/** @throws ACTOR_INVALID */
export function checkSpawn(args: unknown, options: unknown): void {
  mustBeArray(args, "the arguments of the actor that spawn() starts");
  mustBeOptions(options, "the options of spawn()", '{ on: "any" }');
  const { on, link, monitor, name, mailbox, initTimeoutMs } = options as Readonly<Record<string, unknown>>;
  const isPlace =
    on === undefined || on === "here" || on === "any" || (Number.isSafeInteger(on) && (on as number) >= 0);
  if (!isPlace) throw invalid("the option `on` of spawn()", '"here", "any" or the number of a thread', on);
  checkPartner("link", link);
  checkPartner("monitor", monitor);
  if (name !== undefined && typeof name !== "string" && !(name instanceof Via)) {
    throw invalid("the option `name` of spawn()", "a string or what via() returned", name);
  }
  if (mailbox !== undefined) checkLimits(mailbox, "the option `mailbox` of spawn()");
  if (initTimeoutMs !== undefined) mustBeDuration(initTimeoutMs, "the option `initTimeoutMs` of spawn()");
}

function checkPartner(name: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean" || value instanceof Pid) return;
  throw invalid(
    `the option \`${name}\` of spawn()`,
    "true, false or a pid",
    value,
    `Inside an actor: { ${name}: self.pid }.`,
  );
}

/** The limits that are set. @throws ACTOR_INVALID */
export function checkLimits(limits: unknown, what: string): Partial<MailboxLimits> {
  if (!isRecord(limits)) throw invalid(what, 'an object such as { limit: 1000, overflow: "error" }', limits);
  const { limit, overflow } = limits;
  if (limit !== undefined && !(Number.isSafeInteger(limit) || limit === Infinity)) throw badLimit(limit);
  if ((limit as number | undefined) !== undefined && !((limit as number) >= 1)) throw badLimit(limit);
  if (overflow !== undefined && !overflows.includes(overflow)) {
    throw invalid("the overflow of a mailbox", `one of ${overflows.join(", ")}`, overflow);
  }
  return {
    ...(limit === undefined ? {} : { limit: limit as number }),
    ...(overflow === undefined ? {} : { overflow: overflow as MailboxLimits["overflow"] }),
  };
}

function badLimit(limit: unknown): HeddleError {
  return new HeddleError("ACTOR_INVALID", `a mailbox holds at least 1 message, and got ${show(limit)}.`, {
    hint: "A limit is a whole number of messages, or Infinity.",
  });
}
