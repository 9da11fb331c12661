/**
 * The picture of docs/guide/tuning.md, from bench/results/tuning.json: what `heddle tune app.ts --path /orders` wrote for the app of that
 * page, without its histograms.
 */

import { readFileSync } from "node:fs";
import { kneePicture } from "../../src/tune/report/chart/picture.ts";
import type { TuneResult } from "../../src/tune/types.ts";

export function tuningPicture(): string {
  const file = new URL("../results/tuning.json", import.meta.url);
  const { shapes, machine } = JSON.parse(readFileSync(file, "utf8")) as Pick<TuneResult, "shapes" | "machine">;
  const [best] = shapes;
  const { model, workers, threads } = best!.shape;
  return kneePicture(best!, `${model}, ${workers} × ${threads}, on a machine with ${machine.cores} CPUs.`);
}
