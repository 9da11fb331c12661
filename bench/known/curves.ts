/**
 * p95 against concurrency for the worker classes of other servers and of heddle, with one handler: it waits for 50 ms, as each class waits.
 * Where a class runs a known number of handlers at once, and nothing else limits it, that number is its knee.
 */
import type { TuneResult } from "../../src/tune/types.ts";
import { medianP95Ms, medianThroughput } from "../../src/tune/sweep/levels.ts";
import { go } from "../peers/go.ts";
import { gunicorn, uvicorn } from "../peers/gunicorn.ts";
import { heddleModels } from "../peers/heddle-models.ts";
import { type ModelOptions, withFlags } from "../peers/model-options.ts";
import type { Peer } from "../peers/peer.ts";
import { puma } from "../peers/puma.ts";

export interface WorkerClass {
  readonly name: string;
  readonly peer: Peer;
  readonly options: ModelOptions;
  readonly path: string;
  /** Handlers that run at once. */
  readonly atOnce?: number;
}

const WAIT = "/wait?ms=50";
/** heddle's threads wait in a call that blocks, as Python's and Ruby's do. */
const BLOCK = "/block?ms=50";

export const WORKER_CLASSES: readonly WorkerClass[] = [
  { name: "gthread 1 × 4", peer: gunicorn, options: withFlags(1, "-k gthread --threads 4"), path: WAIT, atOnce: 4 },
  { name: "gthread 2 × 16", peer: gunicorn, options: withFlags(2, "-k gthread --threads 16"), path: WAIT, atOnce: 32 },
  { name: "Puma 2 × 16", peer: puma, options: withFlags(2, "--threads 16:16"), path: WAIT, atOnce: 32 },
  { name: "Uvicorn × 2", peer: uvicorn, options: withFlags(2, "-k uvicorn.workers.UvicornWorker"), path: WAIT },
  { name: "Go, 2 cores", peer: go, options: withFlags(2, ""), path: WAIT },
  { name: "heddle sync × 2", peer: heddleModels, options: withFlags(2, "--model sync"), path: BLOCK, atOnce: 2 },
  {
    name: "heddle threads 2 × 16",
    peer: heddleModels,
    options: withFlags(2, "--model threads --threads 16"),
    path: BLOCK,
    atOnce: 32,
  },
  { name: "heddle tasks 1 × 2", peer: heddleModels, options: withFlags(1, "--model tasks --threads 2"), path: WAIT },
  { name: "heddle loop × 2", peer: heddleModels, options: withFlags(2, "--threads 1"), path: WAIT },
];

export interface Curve {
  readonly name: string;
  readonly version: string;
  readonly atOnce?: number;
  readonly knee: TuneResult["knee"];
  readonly throughputMax: number;
  readonly points: readonly { readonly concurrency: number; readonly throughput: number; readonly p95Ms: number }[];
}

/** Levels with a sample that counts. */
export function pointsOf({ levels }: Pick<TuneResult, "levels">): Curve["points"] {
  return levels.flatMap((level) => {
    const [throughput, p95Ms] = [medianThroughput(level), medianP95Ms(level)];
    return throughput === undefined || p95Ms === undefined
      ? []
      : [{ concurrency: level.concurrency, throughput, p95Ms }];
  });
}
