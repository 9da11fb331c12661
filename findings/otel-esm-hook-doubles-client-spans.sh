#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0), @opentelemetry/auto-instrumentations-node 0.82.0 with
#   @opentelemetry/instrumentation-http 0.300.0.
# Seen: started with the ES module hook, as its documentation says, an app that imports node:http and also loads a CommonJS module that
#   requires node:http gets two client spans for each outgoing request, one within the other. Without the CommonJS module it gets one.
# Expected: one client span for each request, as the server has one.
# Who meets it: ES module apps with Express or any other CommonJS package that requires node:http; outgoing calls count twice.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 500 npm install --no-audit --no-fund --loglevel=error node@26.10.0 \
  @opentelemetry/auto-instrumentations-node@0.82.0 @opentelemetry/instrumentation-http@0.300.0 >/dev/null
cat > alone.mjs <<'JS'
import http from "node:http";
const server = http.createServer((req, res) => res.end("x")).listen(0, "127.0.0.1", () => {
  http.get({ host: "127.0.0.1", port: server.address().port }, (res) =>
    res.resume().on("end", () => {
      server.close();
      setTimeout(() => process.kill(process.pid, "SIGTERM"), 500);
    }),
  );
});
JS
echo 'require("node:http");' > package.cjs
(cat alone.mjs; echo 'import "./package.cjs";') > beside.mjs
export OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none OTEL_NODE_RESOURCE_DETECTORS=none
# In the console exporter's output a server's span has kind 1, a client's has kind 2.
spans() {
  timeout 60 node_modules/.bin/node --experimental-loader=@opentelemetry/instrumentation/hook.mjs \
    --import @opentelemetry/auto-instrumentations-node/register "$1" 2>/dev/null > spans.txt || true
  echo "$1: server spans $(grep -c '^  kind: 1,' spans.txt), client spans $(grep -c '^  kind: 2,' spans.txt)"
}
seen=$(spans alone.mjs; spans beside.mjs)
echo "$seen"
[ "$seen" = "alone.mjs: server spans 1, client spans 1
beside.mjs: server spans 1, client spans 2" ]
