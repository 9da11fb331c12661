#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: a worker thread looks at the main thread through an inspector session of its own (`connectToMainThread`), with nothing
#   enabled. No debugger is attached, no port is open. At process.exit() Node prints "Waiting for the debugger to disconnect..."
#   on standard error. When the process ends by itself, when the worker disconnects first, and with a session within one
#   thread (`connect`), it prints nothing.
# Expected: no such message for a session of the process's own; it tells operators of a debugger that is not there.
# Who meets it: a watchdog or profiler that observes the event loop from a worker thread; its users, at each stop of a service.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
node=$folder/node_modules/node/bin/node
cat > watched.cjs <<'JS'
const { Session } = require("node:inspector");
const { Worker } = require("node:worker_threads");
const [how, end] = process.argv.slice(2);
if (how === "own") {
  new Session().connect();
  if (end === "exit") process.exit(0);
} else {
  const watcher = new Worker(`
    const { Session } = require("node:inspector");
    const { parentPort } = require("node:worker_threads");
    const session = new Session();
    session.connectToMainThread();
    if (${how === "leaves"}) session.disconnect();
    parentPort.postMessage("connected");
    setInterval(() => {}, 1000);
  `, { eval: true });
  watcher.once("message", () => (end === "exit" ? process.exit(0) : watcher.unref()));
}
JS
seen=$(
  for how in watched leaves own; do
    for end in exit itself; do
      text=$(timeout 20 "$node" watched.cjs "$how" "$end" 2>&1) || text="$text (exit code $?)"
      echo "$how, $end: ${text:-nothing}"
    done
  done
)
echo "$seen"
[ "$seen" = "watched, exit: Waiting for the debugger to disconnect...
watched, itself: nothing
leaves, exit: nothing
leaves, itself: nothing
own, exit: nothing
own, itself: nothing" ]
