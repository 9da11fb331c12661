/**
 * Which shapes are worth measuring, the most promising first: as many of them are measured as there is time for. Pure.
 *
 * The profile decides the model, since a sweep of each model would take the whole budget. A few numbers around the one that the
 * classic formula gives are measured, and a shape of another kind for the contrast.
 */

import { isSameShape } from "../shape.ts";
import type { RouteProfile, Shape } from "../types.ts";
import { type Mix, mixOf } from "./kind.ts";
import { threadsFor } from "./sizing.ts";
import { splitShape } from "./split.ts";

/** What the user has decided. */
export interface Fixed {
  readonly model?: string;
  readonly workers?: number;
  readonly threads?: number;
  /** The models that the app can run on. Default: all. */
  readonly models?: readonly string[];
}

/** `cores`: those that the server may use. */
export function candidates(profiles: readonly RouteProfile[], cores: number, fixed: Fixed = {}): Shape[] {
  const mix = mixOf(profiles);
  const { model, models } = fixed;
  const shapes = model === undefined ? promising(mix, cores) : shapesOf(model, mix, cores);
  const possible =
    models === undefined ? shapes : shapes.filter((shape) => modelsOf(shape).every((each) => models.includes(each)));
  const wanted =
    possible.length > 0 ? possible : (models ?? []).slice(0, 1).flatMap((name) => shapesOf(name, mix, cores));
  return unique(wanted.map((shape) => withFixed(shape, fixed)));
}

/** One shape for each model, for `--models`: the one that the profile suggests. */
export function oneOfEach(models: readonly string[], profiles: readonly RouteProfile[], cores: number): Shape[] {
  const mix = mixOf(profiles);
  return models.map((model) => shapesOf(model, mix, cores)[0]!);
}

function promising(mix: Mix | undefined, cores: number): Shape[] {
  const [loop, threads, tasks] = ["loop", "threads", "tasks"].map((model) => shapesOf(model, mix, cores));
  switch (mix?.kind) {
    case "computes":
      return [threads![0]!, loop![0]!, ...threads!.slice(1)];
    case "blocks":
      return [...threads!, loop![0]!];
    case "both":
      return [tasks![0]!, threads![0]!, loop![0]!];
    case "mixed": {
      const split = splitShape(mix, cores);
      return [...(split === undefined ? [] : [split]), loop![0]!, threads![0]!, tasks![0]!];
    }
    default:
      return loop!;
  }
}

/** A process takes some 60 megabytes, so that 32 of them fit into most machines. */
const MOST_PROCESSES = 32;

/** The shapes of a model, the most promising first. */
function shapesOf(model: string, mix: Mix | undefined, cores: number): Shape[] {
  const needed = threadsNeeded(mix, cores);
  switch (model) {
    case "loop":
    case "actors":
      return unique([
        { model, workers: cores, threads: 1 },
        { model, workers: 1, threads: 1 },
      ]);
    case "sync":
      return unique(
        around(needed, cores).map((workers) => ({
          model,
          workers: Math.min(workers, Math.max(cores, MOST_PROCESSES)),
          threads: 1,
        })),
      );
    case "tasks":
      return [{ model, workers: 1, threads: cores }];
    default:
      return around(needed, cores).map((threads) => ({ model, workers: 1, threads }));
  }
}

/** Where a request mostly computes, what it seems to wait for is often a core that another program has. */
function threadsNeeded(mix: Mix | undefined, cores: number): number {
  return mix === undefined || mix.kind === "computes" ? cores : threadsFor(cores, mix.cpuMs, mix.waitMs);
}

/** The number that the formula gives, and half and twice as many: the formula knows nothing of what the threads share. */
function around(threads: number, cores: number): number[] {
  return [...new Set([threads, Math.max(cores, Math.round(threads / 2)), 2 * threads])];
}

function withFixed(shape: Shape, { workers = shape.workers, threads = shape.threads }: Fixed): Shape {
  return { ...shape, workers, threads };
}

function unique(shapes: readonly Shape[]): Shape[] {
  return shapes.filter((shape, at) => shapes.findIndex((each) => isSameShape(each, shape)) === at);
}

function modelsOf({ model, routes = {} }: Shape): string[] {
  return [model, ...Object.values(routes).map((each) => each.model)];
}
