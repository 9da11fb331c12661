/** Watt (Platformatic): worker threads in one process, each listening with SO_REUSEPORT. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onCleanup } from "../harness/cleanup.ts";
import { freePort } from "../harness/ports.ts";
import { processTree } from "../harness/proc.ts";
import { run, start } from "../harness/processes.ts";
import { npmInstall } from "./npm-install.ts";
import { type Peer, PEERS_FOLDER, ready } from "./peer.ts";

const root = join(PEERS_FOLDER, "watt");
const cli = join(root, "node_modules/wattpm/bin/cli.js");

export const watt: Peer = {
  name: "Watt",
  install: () => npmInstall("watt", { wattpm: "3.67.0", "@platformatic/node": "3.65.0" }),
  async start(app, { loops }) {
    const port = await freePort();
    const folder = join(root, "apps", `${app.name}-${port}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "bench", type: "module", main: "index.js" }));
    await writeFile(
      join(folder, "watt.json"),
      JSON.stringify({
        $schema: "https://schemas.platformatic.dev/@platformatic/node/3.65.0.json",
        runtime: { logger: { level: "warn" }, workers: { static: loops }, server: { hostname: "127.0.0.1", port } },
      }),
    );
    await writeFile(
      join(folder, "index.js"),
      `import { loadApp } from ${JSON.stringify(new URL("../launch/app.ts", import.meta.url).pathname)};
let app;
export async function create() { app = await loadApp(${JSON.stringify(app.file)}); return app.server; }
export async function close() { app.onStop(); }
`,
    );
    const forget = onCleanup(() => rm(folder, { recursive: true, force: true }));
    const server = start(process.execPath, [cli, "start"], { cwd: folder });
    const pids = (): number[] => processTree([server.pid]);
    const running = {
      url: `http://127.0.0.1:${port}`,
      pids,
      workerPids: () => [],
      reload: async () =>
        void (await run(process.execPath, [cli, "restart", String(server.pid)], { cwd: folder, timeoutMs: 90_000 })),
      stop: async () => {
        await server.stop();
        forget();
        await rm(folder, { recursive: true, force: true });
      },
    };
    return ready(running, app);
  },
};
