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
  heddle tune [app] [options]       measure its knee, and which model, workers and threads fit it: heddle tune --help
  heddle status [--json]            what a running server is doing
  heddle threads [--json]           what each of its threads is doing, with the stack of a blocked thread
  heddle threads --tree [--json]    its actors by their supervisors, with the state of each
  heddle leaks [--json]             tasks and actors that wait for what nobody can reach; stops each thread for a moment
  heddle reload [--json]            start the app's new code beside the old, switch when it is ready
  heddle scale <+1|-1|N> [--json]   change the number of workers
  heddle stop [--json]              finish the requests in flight, then exit
  heddle help | version

The commands that talk to a running server take --control <path>; without it they look for the server.
The app: a module whose default export is an object with fetch(request), a function (req, res), an Express, Koa,
Fastify, Hono or NestJS app or an http.Server, or that calls listen() itself. If nothing names it, heddle takes what
npm start would run, a framework's build, main in package.json, or server, app, main or index, and logs why.
Exit codes: 0 success; 1 the app or the server failed; 2 the command line or the config is wrong.

Signals: TERM stop, INT stop (twice: at once), HUP reload, TTIN/TTOU one worker more/fewer.

${helpText(Math.min(process.stdout.columns > 0 ? process.stdout.columns : 100, 120))}`;
}

export function tuneUsage(): string {
  return `heddle tune: measure where the knee of an app is, and which model, workers and threads fit it

Usage:
  heddle tune [app] [options] [settings of heddle serve]
  heddle tune --url http://127.0.0.1:8000 [options]      a server that runs already
  heddle tune export k6 [--path …] [--scenario file]     the same requests as a k6 script, on stdout

What is asked for (default: GET /):
  --path "[METHOD] /path[=body]"    a request; may be repeated. A body of @file is that file's content
  --scenario file                   requests with weights, headers, bodies and expected statuses, and requests before them

How it is run (default: heddle chooses what to measure):
  --model, --workers, --threads     one shape: only its knee is sought
  --shape MODEL:WORKERSxTHREADS     a shape to compare; may be repeated: --shape loop:2x1 --shape threads:1x8
  --models all | loop,threads,…     a shape of each model

What is sought:
  --budget 60s                      the time for all of it (default 150s)
  --slo p95=200ms                   also the largest concurrency whose p95 meets this
  --compare result.json             whether the knee has moved since then; exit code 3 if it has

What is done with the answer:
  --json                            the answer as JSON on stdout
  --out DIR                         where result.json and report.html go (default heddle-tune)
  --write                           put the recommendation into the config file; shows the difference
  --yes, -y                         with --write: replace values that are there without asking

Exit codes: 0 measured; 1 the app or server failed or refuses the requests; 2 the command line is wrong; 3 the knee has moved;
130 interrupted.`;
}
