/** node:cluster with its default round robin: BENCH_WORKERS processes. Each that dies is forked again. */
import cluster from "node:cluster";

cluster.setupPrimary({ exec: new URL("./listen.ts", import.meta.url).pathname });
for (let index = 0; index < Number(process.env["BENCH_WORKERS"] ?? 2); index++) cluster.fork();
cluster.on("exit", () => {
  if (!stopping) cluster.fork();
});

let stopping = false;
process.once("SIGTERM", () => {
  stopping = true;
  for (const worker of Object.values(cluster.workers ?? {})) worker?.kill("SIGKILL");
  process.exit(0);
});
