#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: two programs share a NODE_COMPILE_CACHE, and one of them calls v8.setFlagsFromString() before it loads its modules. V8
#   rejects what the other one has cached, and Node writes the entry anew, at each change from one program to the other. The
#   cache never helps, and each start compiles and writes all shared modules. With the same flag on the command line both
#   programs keep a folder of their own within the cache, and nothing is rejected.
# Expected: flags that are set while the program runs choose another folder as well, or the entry that was rejected is left
#   to the program that wrote it.
# Who meets it: a supervisor that tunes V8 for itself and starts workers that load the same packages.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
node=$folder/node_modules/node/bin/node
"$node" -e 'const lines = Array.from({ length: 400 }, (_, i) => `exports.f${i} = (a) => a + ${i};`);
require("node:fs").writeFileSync("shared.cjs", lines.join("\n"))'
echo 'require("./shared.cjs");' > plain.cjs
echo 'require("node:v8").setFlagsFromString("--no-turbofan"); require("./shared.cjs");' > tuned.cjs
load() {
  NODE_COMPILE_CACHE=$folder/cache NODE_DEBUG_NATIVE=COMPILE_CACHE timeout 20 "$node" "$@" 2>&1 |
    grep 'shared.cjs' | grep -oE 'was (accepted|rejected|not initialized)'
}
seen=$(
  for program in plain plain tuned plain tuned tuned; do echo "$program: $(load "$program.cjs")"; done
  echo "by a flag on the command line: $(load --no-turbofan plain.cjs), then $(load plain.cjs), $(load plain.cjs), $(load --no-turbofan plain.cjs)"
)
echo "$seen"
diff <(echo "$seen") - <<'SEEN'
plain: was not initialized
plain: was accepted
tuned: was rejected
plain: was rejected
tuned: was rejected
tuned: was accepted
by a flag on the command line: was not initialized, then was rejected, was accepted, was accepted
SEEN
