/** A terminal in memory: the lines that a reader sees after what was written. Only what the progress view uses is understood. */
export class Screen {
  readonly isTTY = true;
  columns: number;
  rows: number;
  lines: string[] = [""];
  isCursorShown = true;
  written = "";
  #row = 0;

  constructor(columns = 80, rows = 40) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.written += text;
    // oxlint-disable-next-line no-control-regex
    for (const [piece, up] of text.matchAll(/\u001b\[(?:(\d+)A|0J|\?25[lh]|[\d;]*m)|[\r\n]|[^\u001b\r\n]+/g)) {
      if (up !== undefined) this.#row = Math.max(0, this.#row - Number(up));
      else if (piece === "\u001b[0J") this.lines = [...this.lines.slice(0, this.#row), ""];
      else if (piece === "\u001b[?25l" || piece === "\u001b[?25h") this.isCursorShown = piece.endsWith("h");
      else if (piece === "\n") this.#nextLine();
      else if (piece !== "\r" && !piece.startsWith("\u001b")) this.#print(piece);
    }
  }

  #nextLine(): void {
    this.#row++;
    this.lines[this.#row] ??= "";
  }

  /** A longer text wraps, as in a terminal. */
  #print(text: string): void {
    for (let at = 0; at < text.length; at += this.columns) {
      if (at > 0) this.#nextLine();
      this.lines[this.#row] += text.slice(at, at + this.columns);
    }
  }
}
