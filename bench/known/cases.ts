/**
 * The servers whose answer is known.
 *
 * With c permits that are held for D ms, and W ms of waiting without one, at most c / D requests are answered in a second, and c · (1 + W / D)
 * are in flight when the last permit is taken: that is the knee. What the right model and number of threads is follows from what the
 * handler does, which is written in its path.
 */
import type { Shape } from "../../src/tune/types.ts";

export interface Truth {
  readonly knee: number;
  /** Answers per second. */
  readonly throughput: number;
}

/** The shape is given, and its knee is sought. */
export interface KneeCase {
  readonly name: string;
  readonly path: string;
  readonly shape: Shape;
  readonly truth: Truth;
}

export interface Permits {
  readonly permits: number;
  readonly heldMs: number;
  readonly waitMs: number;
}

export const PERMITS: readonly Permits[] = [
  { permits: 2, heldMs: 40, waitMs: 0 },
  { permits: 1, heldMs: 10, waitMs: 40 },
  { permits: 4, heldMs: 20, waitMs: 60 },
  { permits: 6, heldMs: 20, waitMs: 80 },
];

/** More threads than the knee, by this factor: the permits, and not the threads, are what is waited for. */
const SPARE_THREADS = 1.25;

export function truthOf({ permits, heldMs, waitMs }: Permits): Truth {
  return { knee: permits * (1 + waitMs / heldMs), throughput: (1000 * permits) / heldMs };
}

export const KNEE_CASES: readonly KneeCase[] = (["loop", "threads"] as const).flatMap((model) =>
  PERMITS.map((each) => ({ ...each, truth: truthOf(each) })).map(({ truth, ...each }) => ({
    name: `${model}: ${each.permits} × ${each.heldMs} ms, then ${each.waitMs} ms`,
    path: `/held?c=${each.permits}&d=${each.heldMs}&w=${each.waitMs}${model === "loop" ? "" : "&blocking"}`,
    shape: { model, workers: 1, threads: model === "loop" ? 1 : Math.ceil(truth.knee * SPARE_THREADS) },
    truth,
  })),
);

/** The one that is measured several times: is the answer the same? */
export const REPEATED: KneeCase = KNEE_CASES.find(({ name }) => name.startsWith("loop: 4 "))!;

/** Nothing is given. */
export interface ShapeCase {
  readonly name: string;
  readonly path: string;
  readonly models: readonly string[];
  /** Threads of the model `threads`. */
  readonly threads?: { readonly least: number; readonly most: number; readonly rule: string };
}

/** `cores`: of this machine. */
export function shapeCases(cores: number): readonly ShapeCase[] {
  const blocking = { cpuMs: 2, blockMs: 18 };
  const needed = cores * (1 + blocking.blockMs / blocking.cpuMs);
  return [
    {
      name: "computes for 20 ms",
      path: "/work?cpu=20",
      models: ["threads"],
      threads: { least: cores, most: cores, rule: "cores" },
    },
    { name: "waits for 100 ms", path: "/wait?ms=100", models: ["loop", "tasks"] },
    {
      name: `computes for ${blocking.cpuMs} ms, then blocks for ${blocking.blockMs} ms`,
      path: `/work?cpu=${blocking.cpuMs}&block=${blocking.blockMs}`,
      models: ["threads"],
      threads: { least: needed / 2, most: needed * 2, rule: `about cores · (1 + W / D) = ${needed}` },
    },
  ];
}
