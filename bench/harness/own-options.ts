/** The command line of a benchmark that has options of its own. */
import { parseArgs, type ParseArgsConfig } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>["values"];

/** Prints `usage` and ends the program where `--help` is among the arguments (0), or one that is not known (2). */
export function ownOptions<const T extends Options>(usage: string, options: T): Values<T> {
  try {
    const { help, ...values } = parseArgs({ options: { ...options, help: { type: "boolean" } } })
      .values as Values<T> & {
      help?: boolean;
    };
    if (help !== true) return values as Values<T>;
    console.log(usage);
    return process.exit();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return process.exit(2);
  }
}
