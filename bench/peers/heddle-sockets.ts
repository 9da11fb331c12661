/**
 * heddle with an app that uses its library: the app must get the library from the heddle that serves it, as in a user's project.
 * So a copy of the app is put beside the installed package, and imports it by its name.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { heddleModels } from "./heddle-models.ts";
import { type BenchApp, type Peer, PEERS_FOLDER } from "./peer.ts";

const APPS = new URL("../apps/", import.meta.url).pathname;

export const heddleSockets: Peer = {
  ...heddleModels,
  start: (app, options) => heddleModels.start(beside(app), options),
};

function beside(app: BenchApp): BenchApp {
  const text = readFileSync(app.file, "utf8")
    .replaceAll('"../../src/index.ts"', '"heddle"')
    .replaceAll(/"\.\.\/\.\.\/src\/(\w+)\/index\.ts"/g, '"heddle/$1"')
    .replaceAll(/"\.\/([\w-]+\.ts)"/g, (_, name: string) => JSON.stringify(join(APPS, name)));
  const file = join(PEERS_FOLDER, "heddle", `${app.name}.ts`);
  writeFileSync(file, text);
  return { ...app, file };
}
