/**
 * What `heddle tune` is doing. On a terminal it is drawn again in place: the chart of what has been measured, if there is room,
 * and below it the stage, the level and the time left. In a pipe each new stage and level is a line.
 *
 * The cursor is hidden while the view is live. It comes back at `end()`, when the process exits, and when a signal ends it: a
 * listener for a signal takes away Node's own ending, so that, if nobody else listens, the signal is sent again without it.
 */

import type { KneeEstimate, Level } from "../../types.ts";
import { milliseconds, perSecond, plain, timeSpan } from "../numbers.ts";
import { printable } from "../printable.ts";
import { terminalChart } from "./chart.ts";
import { type Look, lookOf, type Output, sizeOf } from "./look.ts";
import { cut, toAscii } from "./text.ts";

export interface Progress {
  /** What is being done, in a few words: `measuring loop, 1 worker × 2 threads`. */
  readonly stage: string;
  /** Requests in flight. */
  readonly level?: number;
  readonly throughput?: number;
  readonly p95Ms?: number;
  /** Of the whole run, 0 to 1. */
  readonly done?: number;
  readonly secondsLeft?: number;
  /** What has been measured of this shape so far, for the chart. */
  readonly levels?: readonly Level[];
  readonly knee?: KneeEstimate;
  readonly targetMs?: number;
}

export interface ProgressOutput extends Output {
  write(text: string): unknown;
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
/** From the cursor on. Lines are drawn over, not taken away first: that would flicker. */
const ERASE_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[0J";

const SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Rows of the view beside the two panels of the chart: titles, axis, labels, caption, progress and the prompt's line. */
const OTHER_ROWS = 9;
const MOST_PANEL_ROWS = 8;
const LEAST_PANEL_ROWS = 3;

export class ProgressView {
  readonly #output: ProgressOutput;
  readonly #look: Look;
  /** Lines that were drawn and will be drawn over. */
  #drawn = 0;
  #plainLine = "";
  #isLive = false;

  /** @param look Default: what `output` is, by `process.env`. */
  constructor(output: ProgressOutput, look: Look = lookOf(output, process.env)) {
    this.#output = output;
    this.#look = look;
  }

  show(progress: Progress): void {
    if (!this.#look.live) {
      this.#printPlain(progress);
      return;
    }
    this.#start();
    this.#draw(viewOf(progress, this.#current()));
  }

  /** A line that stays, above what is redrawn. */
  say(text: string): void {
    this.#erase();
    this.#output.write(`${printable(text)}\n`);
  }

  /** Takes the view away and gives the cursor back. It may be shown again. */
  end(): void {
    this.#erase();
    if (!this.#isLive) return;
    this.#isLive = false;
    this.#output.write(SHOW_CURSOR);
    process.off("exit", this.#onExit);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  [Symbol.dispose](): void {
    this.end();
  }

  readonly #onExit = (): void => this.end();

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const isAlone = process.listenerCount(signal) === 1;
    this.end();
    if (isAlone) process.kill(process.pid, signal);
  };

  #start(): void {
    if (this.#isLive) return;
    this.#isLive = true;
    process.on("exit", this.#onExit);
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    this.#output.write(HIDE_CURSOR);
  }

  /** The terminal may have been resized. */
  #current(): Look {
    return { ...this.#look, ...sizeOf(this.#output, this.#look) };
  }

  #draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}${ERASE_LINE}\n`).join("");
    this.#output.write(`${this.#upwards()}${text}${ERASE_BELOW}`);
    this.#drawn = lines.length;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#output.write(`${this.#upwards()}${ERASE_BELOW}`);
    this.#drawn = 0;
  }

  #upwards(): string {
    return this.#drawn === 0 ? "" : `\x1b[${this.#drawn}A\r`;
  }

  /** A line for each new stage and level: what is only a new measurement or a new time is none. */
  #printPlain(progress: Progress): void {
    const key = `${progress.stage} ${progress.level}`;
    if (key === this.#plainLine) return;
    this.#plainLine = key;
    this.#output.write(`${joined([...statusOf(progress), timeLeft(progress.secondsLeft)], this.#look)}\n`);
  }
}

/** The lines of the view, none as wide as the terminal: a line that wraps could not be drawn over. */
export function viewOf(progress: Progress, look: Look): string[] {
  const chart = chartOf(progress, look);
  const { done, secondsLeft } = progress;
  const below = [done === undefined ? undefined : bar(done, look), timeLeft(secondsLeft)];
  const lines = [statusOf(progress), below].map((parts) => cut(joined(parts, look), look.columns - 1, look.unicode));
  return [...(chart === "" ? [] : [...chart.split("\n"), ""]), ...lines.filter((line) => line !== "")];
}

function statusOf({ stage, level, throughput, p95Ms }: Progress): (string | undefined)[] {
  return [
    printable(stage),
    level === undefined ? undefined : `${plain(level)} in flight`,
    throughput === undefined ? undefined : perSecond(throughput),
    p95Ms === undefined ? undefined : `p95 ${milliseconds(p95Ms)}`,
  ];
}

function timeLeft(secondsLeft: number | undefined): string | undefined {
  return secondsLeft === undefined ? undefined : `${timeSpan(secondsLeft)} left`;
}

function joined(parts: readonly (string | undefined)[], { unicode }: Look): string {
  const text = parts.filter((part) => part !== undefined).join(unicode ? " · " : ", ");
  return unicode ? text : toAscii(text);
}

function chartOf({ levels = [], knee, targetMs }: Progress, look: Look): string {
  const rows = Math.min(MOST_PANEL_ROWS, Math.floor((look.rows - OTHER_ROWS) / 2));
  if (rows < LEAST_PANEL_ROWS) return "";
  const options = { ...look, columns: look.columns - 1, rows };
  return terminalChart(levels, knee, targetMs === undefined ? options : { ...options, targetMs });
}

function bar(done: number, { columns, unicode }: Look): string {
  const width = Math.max(0, Math.min(columns - 30, 48));
  const full = Math.round(Math.min(1, Math.max(0, done)) * width);
  const [on, off] = unicode ? ["━", "─"] : ["#", "-"];
  return `${on.repeat(full)}${off.repeat(Math.max(0, width - full))} ${Math.round(done * 100)} %`;
}
