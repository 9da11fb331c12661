/** What a terminal can show. */

export interface Look {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
  /** The terminal shows UTF-8; otherwise only ASCII is printed. */
  readonly unicode: boolean;
  /** Lines may be drawn again in place. */
  readonly live: boolean;
}

type Size = Pick<Look, "columns" | "rows">;

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Neither a pipe nor NO_COLOR (https://no-color.org) gets colours; `TERM=dumb` gets neither colours nor redrawing. */
export function lookOf(output: Output, env: Readonly<Record<string, string | undefined>>): Look {
  const isTerminal = output.isTTY === true;
  const isDumb = env["TERM"] === "dumb";
  return {
    ...sizeOf(output, { columns: 80, rows: 24 }),
    colour: isTerminal && !isDumb && (env["NO_COLOR"] ?? "") === "",
    unicode: speaksUtf8(env),
    live: isTerminal && !isDumb,
  };
}

/** A terminal that nobody has told its size, as in some containers and CI systems, says that it has 0 columns and rows. */
export function sizeOf({ columns = 0, rows = 0 }: Output, unknown: Size): Size {
  return { columns: columns > 0 ? columns : unknown.columns, rows: rows > 0 ? rows : unknown.rows };
}

/** The first of these that is not empty decides (POSIX, "Internationalization Variables"). */
function speaksUtf8(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((each) => each !== undefined && each !== "");
  return locale !== undefined && /utf-?8/i.test(locale);
}
