/** An app of the contract with its framework in one file, as apps are often deployed. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

/** What NestJS looks for, and does without. */
const OPTIONAL = ["@nestjs/microservices", "@nestjs/websockets", "class-transformer", "class-validator"];
/** For what is CommonJS. */
const REQUIRE = `
import { createRequire as requireFrom } from "node:module";
const require = requireFrom(import.meta.url);
const __filename = import.meta.filename, __dirname = import.meta.dirname;
`;

export interface Bundled extends AsyncDisposable {
  readonly file: string;
}

export async function bundled(app: string): Promise<Bundled> {
  const folder = await mkdtemp(join(tmpdir(), "heddle-contract-"));
  const file = join(folder, "app.mjs");
  await build({
    entryPoints: [app],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node26",
    external: OPTIONAL.flatMap((name) => [name, `${name}/*`]),
    banner: { js: REQUIRE.replaceAll("\n", " ") },
    logLevel: "error",
  });
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
