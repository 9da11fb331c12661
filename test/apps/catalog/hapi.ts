import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "hapi",
  group: "Frameworks",
  packages: { "@hapi/hapi": "21.4.10" },
  files: {
    "app.mjs": `
import Hapi from "@hapi/hapi";
import { appendFileSync, createReadStream } from "node:fs";

const server = Hapi.server({ port: process.env.PORT });
server.state("seen", { isSecure: false, encoding: "base64json" });
server.route([
  { method: "GET", path: "/", handler: (request) => ({ hello: request.query.name }) },
  { method: "POST", path: "/echo", handler: (request, h) => h.response(request.payload).code(201) },
  { method: "GET", path: "/cookie", handler: (request, h) => h.response("set").state("seen", { n: 1 }) },
  { method: "GET", path: "/stream", handler: (request, h) => h.response(createReadStream("app.mjs")).type("text/plain") },
  { method: "GET", path: "/throws", handler: () => { throw new Error("refused"); } },
]);
server.ext("onPostStop", () => appendFileSync(process.env.CLEANUP_FILE, "onPostStop\\n"));
await server.start();
process.on("SIGTERM", async () => {
  await server.stop({ timeout: 5000 });
  process.exit(0);
});
`,
  },
  requests: [
    get("/?name=matrix"),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    get("/cookie"),
    get("/stream"),
    get("/throws", { status: 500 }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
