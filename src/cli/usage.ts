/** What `heddle --help` and `heddle --version` print. */

import { readFileSync } from "node:fs";
import { helpText } from "../config/config.ts";

export function version(): string {
  const { version: own } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return `heddle ${own} (Node ${process.versions.node})`;
}

export function usage(): string {
  return `heddle: an application server for TypeScript

Usage:
  heddle serve [app] [settings]     run an app
  heddle check [app] [settings]     load the config and the app, print what would run, exit
  heddle status [--json]            what a running server is doing
  heddle threads [--json]           what each of its threads is doing, with the stack of a blocked thread
  heddle threads --tree [--json]    its actors by their supervisors, with the state of each
  heddle leaks [--json]             tasks and actors that wait for what nobody can reach; stops each thread for a moment
  heddle reload                     start the app's new code beside the old, switch when it is ready
  heddle scale <+1|-1|N>            change the number of workers
  heddle stop                       finish the requests in flight, then exit
  heddle help | version

The commands that talk to a running server take --control <path>; without it they look for the server.
The app: a module whose default export is an object with fetch(request), a function (req, res), an Express, Koa,
Fastify, Hono or NestJS app or an http.Server, or that calls listen() itself. If nothing names it, heddle takes what
npm start would run, a framework's build, main in package.json, or server, app, main or index, and logs why.
Exit codes: 0 success; 1 the app or the server failed; 2 the command line or the config is wrong.

Signals: TERM stop, INT stop (twice: at once), HUP reload, TTIN/TTOU one worker more/fewer.

${helpText(Math.min(process.stdout.columns ?? 100, 120))}`;
}
