#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: in a working directory that was removed, mkdirSync("logs/app", { recursive: true }) never returns, and its thread
#   computes for ever. mkdir of fs/promises never settles, and keeps a thread of the pool busy. The same with an absolute path
#   whose parent exists and refuses with ENOENT, such as /proc/none/app. mkdirSync("logs") and `mkdir -p logs/app` say ENOENT.
# Expected: ENOENT, as without `recursive`.
# Who meets it: servers whose release folder is removed while they run, as their log library makes its folder; programs that
#   make a folder at a path from the environment.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
cat > see.mjs <<'JS'
import { mkdirSync, rmdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
const how = process.argv[2];
if (how !== "in /proc") {
  mkdirSync("removed");
  process.chdir("removed");
  rmdirSync("../removed");
}
try {
  if (how === "plain") mkdirSync("logs");
  else if (how === "sync") mkdirSync("logs/app", { recursive: true });
  else if (how === "async") await mkdir("logs/app", { recursive: true });
  else mkdirSync("/proc/none/app", { recursive: true });
} catch (error) {
  console.log(error.code);
}
JS
for how in plain sync async "in /proc"; do
  seen=$(timeout -s KILL 5 node_modules/.bin/node see.mjs "$how" 2>/dev/null) || seen="no answer in 5 s"
  echo "$how: $seen"
  if [ "$how" = plain ]; then [ "$seen" = ENOENT ]; else [ "$seen" = "no answer in 5 s" ]; fi
done
