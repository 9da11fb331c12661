import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "restify",
  group: "Frameworks",
  packages: { restify: "12.0.0" },
  files: {
    "app.mjs": `
import restify from "restify";

const server = restify.createServer({ name: "shop" });
server.use(restify.plugins.queryParser());
server.use(restify.plugins.bodyParser());
server.get("/", (req, res, next) => {
  res.send({ hello: req.query.name });
  next();
});
server.post("/echo", (req, res, next) => {
  res.send(201, req.body);
  next();
});
server.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    get("/?name=matrix", { volatile: ["request-id", "response-time"] }),
    post("/echo", { json: { a: [1, 2] }, status: 201, volatile: ["request-id", "response-time"] }),
    get("/nowhere", { status: 404, volatile: ["request-id", "response-time"] }),
  ],
};

export default app;
