/** The child side of serve-fixture.ts: a thread that serves one app as the pipeline does, on its own port. */

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { once } from "node:events";
import { loadApp, ModuleTracker, type LoadedApp } from "../../../src/server/app/load/load-app.ts";
import { toWire } from "../../../src/errors/errors.ts";
import type { FromFixture, ToFixture } from "./serve-fixture.ts";

const { file, bootTimeoutMs } = workerData as { file: string; bootTimeoutMs: number };
const port = parentPort;
if (port === null) throw new Error("this file is a worker's");

const post = (message: FromFixture): void => port.postMessage(message);
let app: LoadedApp | undefined;
const server = createServer({ shouldUpgradeCallback: () => app?.acceptsUpgrade() === true });
// Bound before the app is loaded: loading it captures every later `listen()`.
server.listen(0, "127.0.0.1");
await once(server, "listening");

const modules = ModuleTracker.start();
try {
  app = await loadApp(file, {
    address: server.address() as AddressInfo,
    signal: AbortSignal.timeout(bootTimeoutMs),
    modules,
  });
  await app.start();
  wire(app);
  post({ kind: "ready", port: (server.address() as AddressInfo).port, shape: app.shape, routes: app.routes });
} catch (error) {
  post({ kind: "failed", error: toWire(error), modules: modules.files() });
  server.close();
}

port.on("message", (message: ToFixture) => {
  if (message === "modules") post({ kind: "modules", modules: modules.files() });
  else void stop();
});

function wire(app: LoadedApp): void {
  server.on("request", (req, res) => {
    if (req.url?.endsWith("?abort")) {
      const timeout = new AbortController();
      Object.defineProperty(req, "signal", { value: timeout.signal });
      setImmediate(() => timeout.abort(new DOMException("too slow", "TimeoutError")));
    }
    void run(() => app.request(req, res), res);
  });
  server.on("upgrade", (req, socket, head) => void app.upgrade(req, socket, head));
  server.on("checkContinue", (req, res) => {
    if (app.acceptsExpect("checkContinue")) void run(() => app.expect("checkContinue", req, res), res);
    else {
      res.writeContinue();
      void run(() => app.request(req, res), res);
    }
  });
}

async function stop(): Promise<void> {
  try {
    await app?.stop();
    post({ kind: "stopped" });
  } catch (error) {
    post({ kind: "failed", error: toWire(error), modules: [] });
  }
  server.close();
  server.closeAllConnections();
  port?.close();
  // Servers that the app has bound for real keep the thread alive. heddle ends it.
  setTimeout(() => process.exit(), 500).unref();
}

async function run(handle: () => void | Promise<void>, res: ServerResponse): Promise<void> {
  try {
    await handle();
  } catch (error) {
    if (res.headersSent) res.destroy();
    else res.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify(toWire(error)));
  }
}
