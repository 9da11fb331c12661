/** The published form: compiled JS and `.d.ts` in dist/, from src/ alone. Run by `npm run build` and before packing. */

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
execFileSync("tsc", ["--project", "tsconfig.build.json"], { stdio: "inherit" });
