/** What is known of the app and of the machine: routes, sizing rules, scenario, notes, raw samples. */

import { threadsOf } from "../../shape.ts";
import type { RouteProfile, TuneResult } from "../../types.ts";
import { type Markup, markup } from "../chart/markup.ts";
import { gibibytes, milliseconds, perSecond, percent, plain } from "../numbers.ts";
import { LEFT_OUT, shapeName } from "../words.ts";
import { bar, details, legend, prose, section, table } from "./parts.ts";

export function routesSection({ perRoute }: TuneResult): Markup {
  if (perRoute.length === 0) return markup``;
  const longest = Math.max(...perRoute.map(({ cpuMs, waitMs }) => cpuMs + waitMs)) || 1;
  const isBlockingKnown = perRoute.some(({ loopMs }) => loopMs !== undefined);
  return section(
    "routes",
    "What each route does",
    markup`<p>Each route alone, one request at a time. While a route waits, an event loop serves others; while it computes or blocks, it does not.</p>`,
    legend([
      { text: "CPU", className: "cpu-key", swatch: "square" },
      ...(isBlockingKnown
        ? [{ text: "waiting that blocks its thread", className: "block-key", swatch: "square" as const }]
        : []),
      { text: "waiting", className: "wait-key", swatch: "square" },
    ]),
    table(
      "CPU time, waiting and the longest block of the event loop",
      [
        { head: "route" },
        { head: "CPU", kind: "number" },
        { head: "waiting", kind: "number" },
        ...(isBlockingKnown ? [{ head: "of it blocking", kind: "number" as const }] : []),
        { head: "compared" },
        { head: "waiting / CPU", kind: "number" },
        { head: "longest block", kind: "number" },
      ],
      perRoute.map((route) => [
        markup`<code>${route.route}</code>`,
        milliseconds(route.cpuMs),
        milliseconds(route.waitMs),
        ...(isBlockingKnown ? [route.loopMs === undefined ? "–" : milliseconds(blockingMs(route))] : []),
        bar([
          { share: route.cpuMs / longest, className: "cpu" },
          { share: blockingMs(route) / longest, className: "block" },
          { share: (route.waitMs - blockingMs(route)) / longest, className: "wait" },
        ]),
        route.cpuMs > 0 ? twoDigits(route.waitMs / route.cpuMs) : "–",
        route.longestBlockMs === 0 ? "none" : milliseconds(route.longestBlockMs),
      ]),
    ),
  );
}

/** Of the waiting, what held up the event loop: the loop was busy for it, and the CPU was not. */
function blockingMs({ cpuMs, waitMs, loopMs }: RouteProfile): number {
  return loopMs === undefined ? 0 : Math.min(waitMs, Math.max(0, loopMs - cpuMs));
}

function twoDigits(ratio: number): string {
  return ratio >= 10 ? plain(Math.round(ratio)) : ratio.toLocaleString("en", { maximumSignificantDigits: 2 });
}

export function rulesSection({ recommendation }: TuneResult): Markup {
  if (recommendation === undefined) return markup``;
  const { classic } = recommendation;
  return section(
    "rules",
    "Beside the classic rules",
    table(
      "Threads, by rule",
      [{ head: "rule" }, { head: "threads", kind: "number" }],
      [
        ["Measured here", markup`<strong>${plain(threadsOf(recommendation))}</strong>`],
        ["One for each core", plain(classic.cores)],
        ["2 × cores", plain(classic.twiceCores)],
        ["cores × (1 + waiting / CPU)", plain(classic.waitToCompute)],
        ["Gunicorn: 2 × cores + 1", plain(classic.gunicorn)],
        ["Puma's default", plain(classic.puma)],
      ],
    ),
  );
}

export function machineSection({ machine, scenario, notes }: TuneResult): Markup {
  const total = scenario.requests.reduce((sum, { weight }) => sum + weight, 0);
  return section(
    "setting",
    "The setting",
    notes.length > 0 &&
      markup`<h3>Notes</h3><ul class="notes">${notes.map((note) => markup`<li>${prose(note)}</li>`)}</ul>`,
    table(
      "The requests",
      [{ head: "request" }, { head: "share", kind: "number" }],
      scenario.requests.map(({ method, path, weight }) => [
        markup`<code>${method} ${path}</code>`,
        percent(total > 0 ? weight / total : 0),
      ]),
    ),
    table(
      "The machine",
      [{ head: "part" }, { head: "here" }],
      [
        ["CPU", machine.cpu],
        ["cores", String(machine.cores)],
        ["memory", gibibytes(machine.memoryBytes)],
        ["Node", machine.node],
        ["kernel", machine.kernel],
      ],
    ),
  );
}

export function samplesSection({ shapes }: TuneResult): Markup {
  return section(
    "samples",
    "Every sample",
    shapes.map(({ shape, levels }) =>
      details(
        shapeName(shape),
        table(
          `Samples of ${shapeName(shape)}`,
          [
            ...[
              "in flight",
              "repetition",
              "seconds",
              "answers",
              "answers/s",
              "mean",
              "p50",
              "p95",
              "p99",
              "longest",
              "generator",
              "steal",
            ].map((head) => ({ head, kind: "number" as const })),
            { head: "errors" },
            { head: "left out", kind: "sentence" },
          ],
          levels.flatMap(({ concurrency, samples }) =>
            samples.map((sample) => [
              plain(concurrency),
              String(sample.repetition + 1),
              plain(sample.seconds),
              plain(sample.answers),
              perSecond(sample.throughput),
              milliseconds(sample.latency.meanMs),
              milliseconds(sample.latency.p50Ms),
              milliseconds(sample.latency.p95Ms),
              milliseconds(sample.latency.p99Ms),
              milliseconds(sample.latency.maxMs),
              percent(sample.generatorUtilization),
              percent(sample.stealShare),
              Object.entries(sample.errorsByCause)
                .map(([cause, errors]) => `${cause}: ${plain(errors)}`)
                .join(", ") || "none",
              sample.leftOut === undefined ? "no" : LEFT_OUT[sample.leftOut],
            ]),
          ),
        ),
      ),
    ),
  );
}
