#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: with `--experimental-config-file`, all `nodeOptions` of the file are ignored, without a word, as soon as NODE_OPTIONS is in the
#   environment: also an empty one, and one with an option of which the file says nothing.
# Expected: both, and NODE_OPTIONS first where they disagree, as with options on the command line; an empty one like none.
# Who meets it: whoever keeps preloads in a config file of Node and runs it where NODE_OPTIONS is set: containers, CI, editors with a
#   debugger, test runners that pass it on.
# Date: 2026-11-30
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
echo 'globalThis.preloaded = true;' > preload.mjs
echo 'console.log(globalThis.preloaded === true ? "preloaded" : "ignored");' > main.mjs
printf '{ "nodeOptions": { "import": ["%s/preload.mjs"] } }\n' "$folder" > node.json
run() { timeout 20 env -u NODE_OPTIONS "$@" node_modules/.bin/node --experimental-config-file=node.json main.mjs 2>/dev/null; }
seen="without NODE_OPTIONS: $(run); empty: $(run NODE_OPTIONS=); another option: $(run NODE_OPTIONS=--no-deprecation)"
echo "$seen"
[ "$seen" = "without NODE_OPTIONS: preloaded; empty: ignored; another option: ignored" ]
