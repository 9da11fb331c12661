import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "moleculer",
  group: "Frameworks",
  about: "moleculer-web",
  packages: { moleculer: "0.15.2", "moleculer-web": "0.11.0" },
  main: "app.cjs",
  files: {
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "app.cjs": `
const { appendFileSync } = require("node:fs");
const { ServiceBroker } = require("moleculer");
const ApiService = require("moleculer-web");

const broker = new ServiceBroker({ logger: false });
broker.createService({
  name: "greeter",
  actions: {
    hello: { params: { name: "string" }, handler: ({ params }) => ({ hello: params.name }) },
    echo: ({ params }) => params,
  },
  stopped: () => appendFileSync(process.env.CLEANUP_FILE, "stopped\\n"),
});
broker.createService({
  name: "api",
  mixins: [ApiService],
  settings: {
    port: Number(process.env.PORT),
    assets: { folder: "public" },
    routes: [{ path: "/api", bodyParsers: { json: true }, aliases: { "GET hello": "greeter.hello", "POST echo": "greeter.echo" } }],
  },
});
broker.start();
`,
  },
  requests: [
    get("/api/hello?name=matrix", { volatile: ["x-request-id"] }),
    // The error names its node: the host and the process.
    get("/api/hello", { status: 422, note: "invalid", volatile: ["x-request-id"], mask: /"nodeID":"[^"]*"/ }),
    post("/api/echo", { json: { a: [1, 2] }, volatile: ["x-request-id"] }),
    get("/page.html", { volatile: ["x-request-id"] }),
    get("/nowhere", { status: 404, volatile: ["x-request-id"] }),
  ],
};

export default app;
