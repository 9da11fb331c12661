/** The difference of two short texts, as `diff -u` shows it, without its line numbers. Pure. */

const CONTEXT = 2;

interface Line {
  readonly mark: " " | "+" | "-";
  readonly text: string;
}

/** Changed lines begin with `+` or `-`, with two lines around them; `…` stands for lines that are left out. */
export function diffText(before: string, after: string): string {
  const lines = compare(split(before), split(after));
  const isNear = lines.map((_, at) => lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(isChanged));
  const shown: string[] = [];
  for (const [at, { mark, text }] of lines.entries()) {
    if (isNear[at] === true) shown.push(`${mark} ${text}`.trimEnd());
    else if (at > 0 && isNear[at - 1] === true && lines.slice(at).some(isChanged)) shown.push("…");
  }
  return shown.join("\n");
}

function isChanged({ mark }: Line): boolean {
  return mark !== " ";
}

function split(text: string): string[] {
  if (text === "") return [];
  return text.replace(/\n$/, "").split("\n");
}

/** By the longest common subsequence: quadratic, for files of a few hundred lines. */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  const common = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i]![j] =
        before[i] === after[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ mark: " ", text: before[i]! });
      i++;
      j++;
    } else if (j === after.length || (i < before.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      lines.push({ mark: "-", text: before[i++]! });
    } else {
      lines.push({ mark: "+", text: after[j++]! });
    }
  }
  return lines;
}
