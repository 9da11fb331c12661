/** The settings as `--help` shows them: by group, flag on the left, doc wrapped on the right. */

import { kinds } from "./kinds.ts";
import { settingGroups, type Setting } from "./settings.ts";

const docColumn = 34;

/** The part of `heddle serve --help` that lists the flags. `width` is the terminal's. */
export function helpText(width = 100): string {
  const groups = settingGroups.map(
    ({ title, settings }) =>
      `${title}:\n${Object.values(settings)
        .map((setting) => helpLines(setting, width))
        .join("\n")}`,
  );
  const footer = [
    "Times are written 500ms, 2s, 1m, 1h; sizes 64KiB, 1MiB; a bare number is milliseconds or bytes.",
    "Each flag is also an environment variable and a name in heddle.config.ts: --graceful-timeout is",
    "HEDDLE_GRACEFUL_TIMEOUT and gracefulTimeout. A flag wins over the environment, the environment over the file.",
  ];
  return `${groups.join("\n\n")}\n\n${footer.join("\n")}\n`;
}

/** `--port <PORT>`, or `--[no-]watch`. */
export function flagUsage(setting: Setting): string {
  const { flag, kind, placeholder = kinds[kind].placeholder } = setting;
  return kind === "boolean" ? `--[no-]${flag}` : `--${flag} <${placeholder}>`;
}

/** What applies when nobody gives the setting, in words or as a user would write it. */
export function defaultText(setting: Setting): string | undefined {
  if (setting.computed !== undefined) return setting.computed;
  return setting.default === undefined ? undefined : String(setting.default);
}

function helpLines(setting: Setting, width: number): string {
  const short = setting.short === undefined ? "    " : `-${setting.short}, `;
  const left = `  ${short}${flagUsage(setting)}`;
  const fallback = defaultText(setting);
  const doc = fallback === undefined || setting.kind === "boolean" ? setting.doc : `${setting.doc} [${fallback}]`;
  const lines = wrap(doc, Math.max(30, width - docColumn));
  const head = left.length < docColumn ? left.padEnd(docColumn) + (lines.shift() ?? "") : left;
  return [head, ...lines.map((line) => " ".repeat(docColumn) + line)].join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
