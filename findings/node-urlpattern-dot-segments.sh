#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: new URLPattern({ pathname: "/a/../:id" }) has the pathname "//:id" and matches neither "/5" nor "/a/../5".
#   Dot segments are resolved in each literal part by itself, before the slash that follows it is known.
# Expected: "/:id", as a URL with that path has "/5"; or an error.
# Who meets it: whoever builds route patterns by joining a prefix and a relative path.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
cat > see.mjs <<'JS'
const pattern = new URLPattern({ pathname: "/a/../:id" });
const url = new URL("http://host/a/../5");
console.log(pattern.pathname, url.pathname, pattern.test({ pathname: "/5" }), pattern.test(url.href));
JS
seen=$(timeout 20 node_modules/.bin/node see.mjs)
echo "$seen"
[ "$seen" = "//:id /5 false false" ]
