#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: `node script.mjs --env-file missing` does not run the script: node ends with 9 because it looks for the file, though the
#   option stands behind the script's name. If the file exists, nothing of it is loaded, and the script gets the option.
# Expected: what stands behind the script's name is the script's, in both cases.
# Who meets it: every command written for Node that has an option --env-file of its own.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
echo 'console.log(process.argv.slice(2).join(" "), process.env.FOUND ?? "not loaded");' > script.mjs
echo 'FOUND=loaded' > there.env
set +e
missing=$(timeout 20 node_modules/.bin/node script.mjs --env-file missing.env 2>/dev/null)
missing_code=$?
there=$(timeout 20 node_modules/.bin/node script.mjs --env-file there.env)
set -e
echo "missing file: exit code $missing_code, output \"$missing\""
echo "file that is there: output \"$there\""
[ "$missing_code" = 9 ] && [ -z "$missing" ]
[ "$there" = "--env-file there.env not loaded" ]
