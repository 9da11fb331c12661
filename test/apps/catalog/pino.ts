import type { AppRecord } from "../record.ts";
import { custom, get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "pino",
  group: "Logging, metrics, ending",
  about: "pino-http; a transport in a worker thread that writes a file",
  packages: { pino: "10.4.0", "pino-http": "11.0.0" },
  files: {
    "app.mjs": `
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import pino from "pino";
import { pinoHttp } from "pino-http";

const log = pino(pino.transport({ target: "pino/file", options: { destination: "log-" + process.env.PORT } }));
const http = pinoHttp({ logger: log, genReqId: (req) => req.headers["x-id"] ?? "none" });
const server = createServer((req, res) => {
  http(req, res);
  req.log.info("handled");
  if (req.url !== "/log") return res.end("hello\\n");
  log.flush(async () => res.end(await readFile("log-" + process.env.PORT)));
});
server.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    get("/"),
    custom("what is logged", async ({ port, headers }) => {
      const id = `id-${Math.random()}`;
      await fetch(`http://127.0.0.1:${port}/`, { headers: { ...headers, "x-id": id } });
      // The file has lines of all copies. The transport's thread writes them a moment later.
      for (let looks = 0; looks < 300; looks++) {
        // Without a number: how often it must look is not what is compared.
        const text = await (await fetch(`http://127.0.0.1:${port}/log`)).text();
        const own = text.split("\n").filter((line) => line.includes(id));
        if (own.length >= 2) return own.map((line) => (JSON.parse(line) as { msg: string }).msg);
      }
      return "not logged";
    }),
  ],
};

export default app;
