/**
 * Why a shape is recommended, in two sentences for someone who has never heard of a model. Pure. The first says what a request does
 * with its time; the second says what follows from that, with what was measured.
 */

import { count } from "../../errors/count.ts";
import { routesText } from "../shape.ts";
import type { RouteProfile, Shape, ShapeResult } from "../types.ts";
import type { Choice } from "./choose.ts";
import { type Kind, loopMsOf, type Mix } from "./kind.ts";
import { splitShape } from "./split.ts";

export interface Reasons {
  readonly shape: Shape;
  readonly mix: Mix | undefined;
  readonly choice: Choice | undefined;
  /** Some shape gave good answers, though none can be chosen: under more load each answered with errors. */
  readonly hasErrors: boolean;
  readonly cores: number;
  /** The user has chosen the model. */
  readonly isFixed: boolean;
}

export function whyOf(reasons: Reasons): string {
  const { mix } = reasons;
  if (mix === undefined) return `No request was profiled. ${capital(consequence(reasons))}.`;
  return `${whatItDoes(mix)} ${capital(consequence(reasons))}.`;
}

function whatItDoes({ kind, cpuMs, waitMs, loopMs, heavy }: Mix): string {
  if (kind === "mixed") return whatSomeDo(heavy);
  const takes = time(cpuMs + waitMs);
  const sentences: Readonly<Record<Kind, string>> = {
    computes: `A request computes for ${time(cpuMs)}, and meanwhile its event loop can serve nobody else.`,
    blocks: `A request takes ${takes} and computes for ${time(cpuMs)} of them, but holds its thread all the time: it waits in a call that blocks.`,
    both: `A request takes ${takes}: for ${time(loopMs)} of them it holds its event loop, so that all others there stand still, and the rest it waits.`,
    waits: `A request takes ${takes} and computes for ${time(cpuMs)} of them: the rest it waits, and its event loop serves others meanwhile.`,
    quick: `A request takes ${takes}, and much of that is HTTP itself.`,
  };
  return sentences[kind];
}

function whatSomeDo(heavy: readonly RouteProfile[]): string {
  const longest = time(Math.max(...heavy.map(loopMsOf)));
  const hold =
    heavy.length === 1 ? `holds its event loop for ${longest}` : `hold their event loop for up to ${longest}`;
  return `${names(heavy)} ${hold}, and requests for other routes must wait for that.`;
}

/** The models that do well what a kind of request needs. */
const FITTING: Readonly<Record<Kind, readonly string[]>> = {
  computes: ["threads", "thread-per-request", "sync"],
  blocks: ["threads", "thread-per-request", "sync"],
  both: ["tasks", "threads", "thread-per-request", "sync"],
  waits: ["loop", "actors", "tasks"],
  quick: ["loop", "actors"],
};

/** Without its full stop. */
function consequence(reasons: Reasons): string {
  const { shape, mix, choice, hasErrors, isFixed } = reasons;
  const words = shapeInWords(shape);
  if (choice === undefined && hasErrors) {
    return isFixed
      ? `under load ${words} answered with errors`
      : `under load each shape answered with errors, so ${words} is what the formula says`;
  }
  if (choice === undefined && isFixed) return `nothing that counts was measured of ${words}`;
  if (choice === undefined) return `nothing that counts was measured, so ${words} is what the formula says`;
  const measured = `${words} answered ${evidence(choice)}`;
  if (mix === undefined) return measured;
  if (mix.kind === "mixed") return `${whatSplits(reasons, choice)}${measured}`;
  if (!FITTING[mix.kind].includes(shape.model)) return `all the same ${measured}`;
  const because: Readonly<Record<Kind, string>> = {
    computes: "threads compute side by side, one on each core",
    blocks: "while one thread waits another can compute",
    both:
      shape.model === "tasks"
        ? "tasks share a few threads, and a request that has not begun moves to a thread that is free"
        : "with a thread for each request nobody stands still",
    waits: "an event loop keeps many such requests waiting at once, so they need no threads of their own",
    quick: "an event loop runs it where it was read, without handing it to another thread",
  };
  return `${because[mix.kind]}: ${measured}`;
}

/** What is said before the numbers of an app some of whose routes hold their event loop. */
function whatSplits({ shape, mix, cores }: Reasons, { asGood, worse }: Choice): string {
  if (shape.routes !== undefined) {
    return `threads of ${mix!.heavy.length === 1 ? "its" : "their"} own end that: `;
  }
  if ([...asGood, ...worse].some((each) => each.shape.routes !== undefined)) return "all the same ";
  const split = splitShape(mix!, cores);
  if (split === undefined) return "they can't be told apart in a config file, and of the shapes for the whole app, ";
  const words = mix!.heavy.length === 1 ? "it threads of its own" : "them threads of their own";
  return `give ${words} with \`${routesText(split)}\` in heddle.config.ts; of the shapes for the whole app, `;
}

/** `40/s; 4 threads answered no more` */
function evidence({ chosen, asGood, worse }: Choice): string {
  const own = rate(chosen);
  const [equal] = asGood;
  if (equal !== undefined) return `${own}, and ${shapeInWords(equal.shape)} no more beyond the noise (${rate(equal)})`;
  const [next] = worse;
  if (next === undefined) return own;
  const isSlower = next.throughputMax >= chosen.throughputMax;
  return isSlower
    ? `${own}, and ${shapeInWords(next.shape)} as much but far later (p95 ${time(next.p95AtKneeMs ?? NaN)} against ${time(chosen.p95AtKneeMs ?? NaN)})`
    : `${own}, and ${shapeInWords(next.shape)} ${rate(next)}`;
}

function rate({ throughputMax }: ShapeResult): string {
  return `${throughputMax < 10 ? throughputMax.toFixed(1) : Math.round(throughputMax)}/s`;
}

export function shapeInWords({ model, workers, threads, routes = {} }: Shape): string {
  const own = Object.entries(routes).map(([key, route]) => `${count(route.threads, "thread")} for ${key}`);
  const inWorkers = (one: string): string => {
    const all = [one, ...own].join(" and ");
    return workers === 1 ? all : `${count(workers, "worker")} with ${all} each`;
  };
  switch (model) {
    case "loop":
      return inWorkers(count(threads, "event loop"));
    case "actors":
      return `actors on ${inWorkers(count(threads, "event loop"))}`;
    case "sync":
      return count(
        workers,
        "worker that serves one request at a time",
        "workers that serve one request at a time each",
      );
    case "tasks":
      return `tasks on ${inWorkers(count(threads, "thread"))}`;
    case "thread-per-request":
      return `a fresh thread for each request, at most ${threads * workers} at once`;
    default:
      return inWorkers(count(threads, "thread"));
  }
}

function names(profiles: readonly RouteProfile[]): string {
  const routes = profiles.map(({ route }) => route);
  return routes.length < 3 ? routes.join(" and ") : `${routes.slice(0, 2).join(", ")} and ${routes.length - 2} more`;
}

/** Less can't be told from what the server does by itself. */
const SHORTEST_MS = 0.05;

/** `48 ms`, `0.35 ms`: two digits that mean something. */
function time(ms: number): string {
  if (ms < SHORTEST_MS) return `less than ${SHORTEST_MS} ms`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${Number(ms.toPrecision(2))} ms`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
