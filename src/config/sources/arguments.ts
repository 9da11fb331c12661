/** Splits a command line into positionals and flags, by the table of settings and the flags that a command adds. Values stay
 * text; resolve.ts reads them together with those from other sources.
 *
 * The notation: `--flag value`, `--flag=value`, `-f value`, `-fvalue`; `--flag`, `--no-flag` and `--flag=false` for
 * booleans; `--` ends the flags. If a flag is repeated, the last one wins, so that a user can override a wrapper
 * script, unless the flag collects values (`--listen`, `--env-file`).
 */

import { HeddleError } from "../../errors/errors.ts";
import { suggestion } from "../setting-value.ts";
import { settingEntries, type SettingName } from "../settings.ts";

export interface FlagSpec {
  /** Without its dashes. */
  readonly flag: string;
  readonly short?: string;
  /** A boolean takes no value from the next argument. */
  readonly boolean: boolean;
}

/** What was written after each flag, in order, by the flag's name without dashes; `"true"` or `"false"` for a boolean. */
export type Flags = Readonly<Record<string, readonly string[]>>;

export interface ParsedArguments {
  readonly positionals: readonly string[];
  readonly flags: Flags;
  /** Everything behind `--`, as it is. */
  readonly rest: readonly string[];
}

/** `flagSpecs()` is every setting; `flagSpecs("control")` is one, for a command that takes few. */
export function flagSpecs(...names: readonly SettingName[]): readonly FlagSpec[] {
  return settingEntries
    .filter(([name]) => names.length === 0 || names.includes(name))
    .map(([, { flag, short, kind }]) => ({
      flag,
      boolean: kind === "boolean",
      ...(short === undefined ? {} : { short }),
    }));
}

/** @throws HeddleError CONFIG_UNKNOWN_FLAG, CLI_USAGE (a value is missing), CONFIG_BAD_VALUE (`--no-watch=3`). */
export function parseArguments(argv: readonly string[], specs: readonly FlagSpec[] = flagSpecs()): ParsedArguments {
  const positionals: string[] = [];
  const rest: string[] = [];
  const flags: Record<string, string[]> = {};
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (argument === "--") {
      rest.push(...argv.slice(index + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      positionals.push(argument);
      continue;
    }
    const { written, spec, negated, inline } = findFlag(argument, specs);
    let value = inline;
    if (spec.boolean) {
      if (negated && inline !== undefined) {
        throw new HeddleError(
          "CONFIG_BAD_VALUE",
          `${written}: got =${inline}; expected it alone, or --${spec.flag}=${inline}`,
        );
      }
      value ??= String(!negated);
    } else if (value === undefined) {
      value = takeValue(written, argv[index + 1]);
      index++;
    }
    (flags[spec.flag] ??= []).push(value);
  }
  return { positionals, flags, rest };
}

interface FoundFlag {
  /** The flag as the user wrote it, without its value. */
  readonly written: string;
  readonly spec: FlagSpec;
  readonly negated: boolean;
  readonly inline: string | undefined;
}

function findFlag(argument: string, specs: readonly FlagSpec[]): FoundFlag {
  if (!argument.startsWith("--")) return findShort(argument, specs);
  const equals = argument.indexOf("=");
  const written = equals === -1 ? argument : argument.slice(0, equals);
  const inline = equals === -1 ? undefined : argument.slice(equals + 1);
  const name = written.slice("--".length);
  const spec = specs.find(({ flag }) => flag === name);
  if (spec !== undefined) return { written, spec, negated: false, inline };
  const opposite = specs.find(({ flag, boolean }) => boolean && name === `no-${flag}`);
  if (opposite !== undefined) return { written, spec: opposite, negated: true, inline };
  throw unknownFlag(written, specs);
}

function findShort(argument: string, specs: readonly FlagSpec[]): FoundFlag {
  const written = argument.slice(0, 2);
  const spec = specs.find(({ short }) => short === argument[1]);
  if (spec === undefined || (spec.boolean && argument.length > 2)) throw unknownFlag(argument, specs);
  return {
    written,
    spec,
    negated: false,
    inline: argument.length > 2 ? argument.slice(2).replace(/^=/, "") : undefined,
  };
}

function unknownFlag(written: string, specs: readonly FlagSpec[]): HeddleError {
  const known = specs.flatMap(({ flag, boolean }) => (boolean ? [flag, `no-${flag}`] : [flag]));
  const name = written.replace(/^-+/, "");
  const guess = suggestion(name, known, (flag) => `--${flag}`) || "; heddle --help lists all flags";
  return new HeddleError("CONFIG_UNKNOWN_FLAG", `${written} is not a flag of this command${guess}`);
}

function takeValue(written: string, next: string | undefined): string {
  // A value may be a negative number, so that the error can be about the number.
  if (next !== undefined && (!next.startsWith("-") || /^-(\d|$)/.test(next))) return next;
  const got = next === undefined ? "nothing after it" : `the flag ${next} after it`;
  throw new HeddleError("CLI_USAGE", `${written}: got ${got}; expected a value, as in ${written} VALUE`);
}
