/** The two that are compared. */
import type { Contender } from "../../harness/scenario.ts";
import { heddleAt } from "../../peers/heddle-at.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp, type Peer } from "../../peers/peer.ts";

const BASE: Peer = heddleAt(process.env.BASE ?? "HEAD");

/** Their names end in "now" and "base". */
export function bothVersions(name: string, app: string, workers: number, flags: string): Contender[] {
  const common = { app: benchApp(app), options: withFlags(workers, flags) };
  return [
    { name: `${name}, now`, peer: heddleModels, ...common },
    { name: `${name}, base`, peer: BASE, ...common },
  ];
}
