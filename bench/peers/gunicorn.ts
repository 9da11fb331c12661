/**
 * Gunicorn from the system's packages: sync and gthread workers, and Uvicorn's worker class. It serves apps/python/models.py.
 */
import { flagsOf } from "./model-options.ts";
import { aptInstall } from "./apt-install.ts";
import type { Peer } from "./peer.ts";
import { startSystemServer } from "./system-server.ts";

const folder = new URL("../apps/python/", import.meta.url).pathname;
// Debian's own Python: another one first on the PATH would not find the package.
const COMMAND = "/usr/bin/gunicorn";

function gunicornWith(name: string, packages: readonly string[], application: string): Peer {
  return {
    name,
    install: () => aptInstall(packages),
    start: (app, options) =>
      startSystemServer(app, COMMAND, (address) => [
        "--chdir",
        folder,
        "--bind",
        address,
        "--workers",
        String(options.loops),
        ...flagsOf(options),
        application,
      ]),
  };
}

export const gunicorn: Peer = gunicornWith("Gunicorn", ["gunicorn"], "models:wsgi");
export const uvicorn: Peer = gunicornWith("Gunicorn + Uvicorn", ["python3-uvicorn", "gunicorn"], "models:asgi");
