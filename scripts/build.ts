/** The published form, in dist/, from src/ alone: JavaScript and `.d.ts`. Run by `npm run build` and before packing. */

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { bundle } from "./bundle.ts";

rmSync("dist", { recursive: true, force: true });
execFileSync("tsc", ["--project", "tsconfig.build.json"], { stdio: "inherit" });
await bundle("dist");
