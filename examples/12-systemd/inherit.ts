/** What systemd does for heddle.socket: binds a port and starts the server with the socket as descriptor 3. */

import { spawn } from "node:child_process";
import net from "node:net";
import { fileURLToPath } from "node:url";

const port = Number(process.argv[2] ?? 8000);
const bound = new net.BoundSocket({ host: "127.0.0.1", port });
const heddle = fileURLToPath(new URL("../../bin/heddle.js", import.meta.url)); // in your project: node_modules/.bin/heddle
const app = fileURLToPath(new URL("app.ts", import.meta.url));

const server = spawn(process.execPath, [heddle, "serve", app, "--listen", "fd://3", ...process.argv.slice(3)], {
  stdio: ["inherit", "inherit", "inherit", bound.fd()],
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => server.kill(signal));
server.on("exit", (code) => process.exit(code ?? 1));
