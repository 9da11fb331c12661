import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "loopback",
  group: "Frameworks",
  about: "LoopBack 4, @loopback/rest",
  packages: { "@loopback/rest": "15.0.16", "@loopback/core": "7.0.15" },
  main: "app.cjs",
  files: {
    "app.cjs": `
const { RestApplication } = require("@loopback/rest");
const { appendFileSync } = require("node:fs");

const app = new RestApplication({
  shutdown: { signals: ["SIGTERM"], gracePeriod: 5000 },
  rest: { port: Number(process.env.PORT), host: "127.0.0.1", gracePeriodForClose: 5000, openApiSpec: { disabled: true } },
});
const text = { 200: { description: "ok", content: { "application/json": { schema: { type: "object" } } } } };
app.route("get", "/hello/{name}", {
  parameters: [{ name: "name", in: "path", required: true, schema: { type: "string", minLength: 2 } }],
  responses: text,
}, (name) => ({ hello: name }));
app.route("post", "/echo", {
  requestBody: { required: true, content: { "application/json": { schema: { type: "object", required: ["a"] } } } },
  responses: text,
}, (body) => body);
app.onStop(() => appendFileSync(process.env.CLEANUP_FILE, "onStop\\n"));
app.start();
`,
  },
  requests: [
    get("/hello/matrix"),
    get("/hello/x", { status: 400, note: "invalid" }),
    post("/echo", { json: { a: [1, 2] } }),
    post("/echo", { json: {}, status: 422, note: "invalid" }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
