/**
 * Throughput and p95 against concurrency for a terminal, one above the other over one logarithmic axis. The knee is a dashed
 * column, its 95 % interval a thick piece of the axis. Pure: lines of at most `columns` characters.
 */

import { styleText } from "node:util";
import type { KneeEstimate, Level } from "../../types.ts";
import { fittingTicks, linearScale, linearTicks, logEnds, logScale, logTicks, type Scale } from "../chart/scale.ts";
import { summariseLevels } from "../levels.ts";
import { milliseconds, plain } from "../numbers.ts";
import { kneeInShort } from "../words.ts";
import { ASCII, type Glyphs, LABELS, type Paint, panelRows, UNICODE } from "./panel.ts";
import { cut } from "./text.ts";

export interface TerminalChartOptions {
  readonly columns: number;
  readonly colour: boolean;
  /** Default: true, Braille and lines. false: ASCII only. */
  readonly unicode?: boolean;
  /** Rows of each of the two panels. Default: 8. */
  readonly rows?: number;
  /** The target of p95, as a row of its panel. */
  readonly targetMs?: number;
}

/** A chart in fewer columns says nothing. */
const LEAST_COLUMNS = 40;
/** Wider lines are not easier to read. */
const MOST_COLUMNS = 110;

/** `knee`: undefined while there is no estimate yet. Empty if fewer than two levels have a sample that counts, or the terminal is narrower than 40 columns. */
export function terminalChart(
  levels: readonly Level[],
  knee: KneeEstimate | undefined,
  options: TerminalChartOptions,
): string {
  const { unicode = true, rows = 8, targetMs } = options;
  const counted = summariseLevels(levels).flatMap(({ concurrency, throughput, p95Ms }) =>
    throughput === undefined || p95Ms === undefined ? [] : [{ concurrency, rate: throughput.value, p95: p95Ms.value }],
  );
  if (counted.length < 2 || options.columns < LEAST_COLUMNS) return "";
  const glyphs = unicode ? UNICODE : ASCII;
  const paint: Paint = (style, text) => (options.colour ? styleText(style, text, { validateStream: false }) : text);
  const columns = Math.min(options.columns, MOST_COLUMNS);
  const width = columns - LABELS - 1;
  const kneeAt = knee !== undefined && "value" in knee ? knee.value : undefined;
  const margin = " ".repeat(LABELS + 1);

  const rateTicks = linearTicks(Math.max(...counted.map(({ rate }) => rate)), 4);
  const rateEnd = rateTicks.at(-1)!;
  const latencies = [...counted.map(({ p95 }) => p95), ...(targetMs === undefined ? [] : [targetMs])];
  const [fastest, slowest] = logEnds(Math.min(...latencies), Math.max(...latencies));
  const throughput = panelRows(
    {
      points: counted.map(({ concurrency, rate }) => [concurrency, rate]),
      style: "cyan",
      yScale: (from, to) => linearScale(0, rateEnd, from, to),
      ticks: [rateTicks, [0, rateEnd]],
      told: plain,
      knee: kneeAt,
      target: undefined,
    },
    width,
    rows,
    glyphs,
    paint,
  );
  const p95 = panelRows(
    {
      points: counted.map((level) => [level.concurrency, level.p95]),
      style: "yellow",
      yScale: (from, to) => logScale(fastest, slowest, from, to),
      ticks: logTicks(fastest, slowest),
      told: milliseconds,
      knee: kneeAt,
      target: targetMs,
    },
    width,
    rows,
    glyphs,
    paint,
  );
  const x = logScale(counted[0]!.concurrency, counted.at(-1)!.concurrency, 0, width - 1);
  return [
    paint("bold", `${margin}answers per second`),
    ...throughput,
    paint("bold", `${margin}p95 of latency${targetMs === undefined ? "" : `, target ${milliseconds(targetMs)}`}`),
    ...p95,
    `${" ".repeat(LABELS)}${paint("dim", glyphs.corner)}${floor(x, knee, width, glyphs, paint)}`,
    `${margin}${tickLabels(x, width)}`,
    cut(`${margin}requests in flight${knee === undefined ? "" : `. Knee: ${kneeInShort(knee)}`}`, columns, unicode),
  ].join("\n");
}

function floor(
  x: Scale,
  knee: KneeEstimate | undefined,
  width: number,
  { floor: dash, interval }: Glyphs,
  paint: Paint,
): string {
  if (knee === undefined || !("value" in knee)) return paint("dim", dash.repeat(width));
  const [from, to] = [Math.round(x.at(knee.low)), Math.round(x.at(knee.high))];
  return [
    paint("dim", dash.repeat(from)),
    paint("magenta", interval.repeat(to - from + 1)),
    paint("dim", dash.repeat(width - to - 1)),
  ].join("");
}

/** Labels are centred on their ticks and stay inside of the line. */
function tickLabels(x: Scale, width: number): string {
  const labels = fittingTicks(logTicks(x.low, x.high), x, (tick) => plain(tick).length, 2);
  let line = "";
  for (const tick of labels) {
    const text = plain(tick);
    const centred = Math.round(x.at(tick) - (text.length - 1) / 2);
    const start = Math.min(width - text.length, Math.max(line === "" ? 0 : line.length + 1, centred));
    line = line.padEnd(start) + text;
  }
  return line;
}
