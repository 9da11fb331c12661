import { get, post } from "../requests.ts";
import type { AppRecord } from "../record.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "koa",
  group: "Frameworks",
  about: "@koa/router, koa-bodyparser",
  packages: { koa: "3.3.0", "@koa/router": "15.7.0", "koa-bodyparser": "4.4.1" },
  files: {
    "app.mjs": `
import Router from "@koa/router";
import Koa from "koa";
import bodyParser from "koa-bodyparser";
import { createReadStream } from "node:fs";

const app = new Koa({ keys: ["a key"] });
const router = new Router();
app.silent = true;
app.use(bodyParser());
router.get("/", (ctx) => {
  ctx.body = { hello: ctx.query.name };
});
router.post("/echo", (ctx) => {
  ctx.status = 201;
  ctx.body = ctx.request.body;
});
router.get("/cookie", (ctx) => {
  ctx.cookies.set("seen", "yes", { signed: true });
  ctx.body = "set";
});
router.get("/file", (ctx) => {
  ctx.type = "text/plain";
  ctx.body = createReadStream("app.mjs");
});
router.get("/refused", (ctx) => ctx.throw(403, "refused"));
router.get("/throws", () => {
  throw new Error("internal");
});
app.use(router.routes()).use(router.allowedMethods());

const server = app.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    get("/?name=matrix"),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    get("/cookie"),
    get("/file"),
    get("/refused", { status: 403 }),
    get("/throws", { status: 500 }),
    post("/cookie", { text: "x", status: 405 }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
