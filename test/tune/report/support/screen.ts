/** A terminal in memory: the lines that a reader sees after what was written. Only what the progress view uses is understood. */
export class Screen {
  readonly isTTY = true;
  columns: number;
  rows: number;
  lines: string[] = [""];
  isCursorShown = true;
  written = "";
  #row = 0;
  #column = 0;

  constructor(columns = 80, rows = 40) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.written += text;
    // oxlint-disable-next-line no-control-regex
    for (const [piece, up] of text.matchAll(/\u001b\[(?:(\d+)A|K|0J|\?25[lh]|[\d;]*m)|[\r\n]|[^\u001b\r\n]+/g)) {
      if (up !== undefined) this.#row = Math.max(0, this.#row - Number(up));
      else if (piece === "\u001b[K") this.#cutLine();
      else if (piece === "\u001b[0J") this.#cutBelow();
      else if (piece === "\u001b[?25l" || piece === "\u001b[?25h") this.isCursorShown = piece.endsWith("h");
      else if (piece === "\n") this.#nextLine();
      else if (piece === "\r") this.#column = 0;
      else if (!piece.startsWith("\u001b")) this.#print(piece);
    }
  }

  #cutLine(): void {
    this.lines[this.#row] = this.lines[this.#row]!.slice(0, this.#column);
  }

  #cutBelow(): void {
    this.#cutLine();
    this.lines.length = this.#row + 1;
  }

  #nextLine(): void {
    this.#row++;
    this.#column = 0;
    this.lines[this.#row] ??= "";
  }

  /** A longer text wraps, as in a terminal. */
  #print(text: string): void {
    for (const character of text) {
      if (this.#column === this.columns) this.#nextLine();
      const line = this.lines[this.#row]!.padEnd(this.#column);
      this.lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
      this.#column++;
    }
  }
}
