/**
 * Dots in character cells: 2 × 4 dots in a cell as Braille, or one in ASCII. Lines are drawn in dots, marks in whole cells; a
 * mark does not cover a dot.
 */

export class Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly #dots: Uint8Array;
  readonly #marks: (string | undefined)[];
  readonly #unicode: boolean;

  constructor(columns: number, rows: number, unicode: boolean) {
    this.columns = columns;
    this.rows = rows;
    this.#unicode = unicode;
    this.#dots = new Uint8Array(columns * rows);
    this.#marks = Array.from({ length: columns * rows });
  }

  /** The size in dots. */
  get width(): number {
    return this.columns * (this.#unicode ? 2 : 1);
  }

  get height(): number {
    return this.rows * (this.#unicode ? 4 : 1);
  }

  dot(x: number, y: number): void {
    const [column, row] = this.#unicode ? [x >> 1, y >> 2] : [x, y];
    if (column < 0 || row < 0 || column >= this.columns || row >= this.rows) return;
    this.#dots[row * this.columns + column]! |= this.#unicode ? brailleBit(x & 1, y & 3) : 1;
  }

  line(fromX: number, fromY: number, toX: number, toY: number): void {
    const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1);
    for (let step = 0; step <= steps; step++) {
      const share = step / steps;
      this.dot(Math.round(fromX + share * (toX - fromX)), Math.round(fromY + share * (toY - fromY)));
    }
  }

  /** A character behind the dots, in all rows of a column. */
  markColumn(column: number, character: string): void {
    for (let row = 0; row < this.rows; row++) this.#marks[row * this.columns + column] = character;
  }

  markRow(row: number, character: string): void {
    for (let column = 0; column < this.columns; column++) this.#marks[row * this.columns + column] = character;
  }

  /** One row: pieces of what is drawn in dots, of marks and of nothing. */
  pieces(row: number): { readonly kind: "dots" | "mark" | "blank"; readonly text: string }[] {
    const pieces: { kind: "dots" | "mark" | "blank"; text: string }[] = [];
    for (let column = 0; column < this.columns; column++) {
      const index = row * this.columns + column;
      const [dots, mark] = [this.#dots[index]!, this.#marks[index]];
      const kind = dots > 0 ? "dots" : mark === undefined ? "blank" : "mark";
      const text = dots > 0 ? this.#shown(dots) : (mark ?? " ");
      const last = pieces.at(-1);
      if (last?.kind === kind && (kind !== "mark" || last.text.startsWith(text))) last.text += text;
      else pieces.push({ kind, text });
    }
    return pieces;
  }

  #shown(dots: number): string {
    return this.#unicode ? String.fromCharCode(0x2800 + dots) : "*";
  }
}

/** Unicode, "Braille Patterns": dots 1 to 3 and 7 in the left column, 4 to 6 and 8 in the right one. */
function brailleBit(x: number, y: number): number {
  return y === 3 ? 0x40 << x : 1 << (y + 3 * x);
}
