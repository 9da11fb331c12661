/** The machine that a result was measured on. */

import { cpus, release, totalmem, type } from "node:os";
import { availableCpus } from "../../config/cpus.ts";
import type { TuneResult } from "../types.ts";

export function machine(): TuneResult["machine"] {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableCpus(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    kernel: `${type()} ${release()}`,
  };
}
