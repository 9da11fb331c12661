/** Reads the flags of `node` (and of programs that take the same) before a program's file. Pure. */

import type { Expansion } from "./programs.ts";

/** Flags whose value is the next word. V8's flags have theirs behind `=`. */
// biome-ignore format: a list
const WITH_VALUE: ReadonlySet<string> = new Set([
  "-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--title",
  "--env-file", "--env-file-if-exists", "--watch-path", "--experimental-config-file", "--icu-data-dir",
  "--dns-result-order", "--unhandled-rejections", "--disable-warning", "--redirect-warnings", "--openssl-config",
  "--diagnostic-dir", "--heapsnapshot-signal", "--tls-cipher-list", "--max-http-header-size", "--use-largepages",
  "--localstorage-file", "--disable-proto", "--input-type", "--inspect-port", "--stack-trace-limit",
  "--report-dir", "--report-directory", "--report-filename", "--report-signal", "--cpu-prof-dir", "--cpu-prof-name",
  "--cpu-prof-interval", "--heap-prof-dir", "--heap-prof-name", "--heap-prof-interval", "--trace-event-categories",
  "--trace-event-file-pattern", "--v8-pool-size", "--secure-heap", "--secure-heap-min", "--watch-kill-signal",
  "--allow-fs-read", "--allow-fs-write", "--debug-port", "--experimental-package-map", "--heapsnapshot-near-heap-limit",
  "--inspect-publish-uid", "--max-old-space-size-percentage", "--network-family-autoselection-attempt-timeout",
  "--snapshot-blob", "--tls-keylog", "--trace-require-module", "--vfs-load", "--vfs-mount",
]);

/** They run no file. */
const RUNS_NO_FILE =
  /^(?:-[epcivh]+|--(?:eval|print|check|interactive|test|version|help|run|v8-options|build-snapshot)(?:=.*)?)$/;

/** Why a flag is not taken over, by its beginning. */
const NOT_TAKEN: readonly (readonly [RegExp, string])[] = [
  [/^--inspect/, "use heddle's --inspect"],
  [/^--watch/, "use heddle's --watch"],
  [/^--(?:permission|allow-|experimental-permission)/, "heddle's workers need more"],
  [/^--title/, "heddle names its processes"],
];

export interface ScriptEnvFile {
  readonly path: string;
  /** It may be missing. */
  readonly isOptional: boolean;
  /** In which of its values `${NAME}` means that variable. Absent: in none. */
  readonly expands?: Expansion;
}

export interface NodeFlags {
  /** For the processes that run the app. */
  readonly flags: readonly string[];
  /** The files of --env-file. */
  readonly envFiles: readonly ScriptEnvFile[];
  /** Flags of the program itself, which passes all others to Node. */
  readonly own: readonly OwnFlag[];
  /** Each with what to do instead. */
  readonly notTaken: readonly string[];
  /** The file and its arguments; undefined: this command runs no file. */
  readonly rest: readonly string[] | undefined;
}

export interface OwnFlag {
  readonly flag: string;
  readonly value: string | undefined;
}

/** `words`: behind the program's name. `own`: flags of the program itself, by whether their value is the next word. */
export function readNodeFlags(
  words: readonly string[],
  { withValue = [], withoutValue = [] }: { withValue?: readonly string[]; withoutValue?: readonly string[] } = {},
): NodeFlags {
  const flags: string[] = [];
  const own: OwnFlag[] = [];
  const envFiles: { path: string; isOptional: boolean }[] = [];
  const notTaken: string[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") {
      at++;
      break;
    }
    if (!word.startsWith("-")) break;
    const [name, inline] = splitOnce(word);
    const isWithValue = withValue.includes(name);
    if (isWithValue || withoutValue.includes(name)) {
      own.push({ flag: name, value: inline ?? (isWithValue ? words[++at] : undefined) });
      continue;
    }
    if (RUNS_NO_FILE.test(word) && word !== "-C") return { flags, envFiles, own, notTaken, rest: undefined };
    const value = inline ?? (WITH_VALUE.has(name) ? words[++at] : undefined);
    const instead = NOT_TAKEN.find(([pattern]) => pattern.test(name))?.[1];
    if (name === "--env-file" || name === "--env-file-if-exists") {
      envFiles.push({ path: value ?? "", isOptional: name !== "--env-file" });
    } else if (instead !== undefined) notTaken.push(`${name} (${instead})`);
    else flags.push(...(inline !== undefined || value === undefined ? [word] : [word, value]));
  }
  return { flags, envFiles, own, notTaken, rest: words.slice(at) };
}

export function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf("=");
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}
