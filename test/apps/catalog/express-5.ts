import { get, post } from "../requests.ts";
import type { AppRecord } from "../record.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "express-5",
  group: "Frameworks",
  packages: { express: "5.3.0" },
  files: {
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "app.mjs": `
import express from "express";

const app = express();
app.use(express.json());
app.use(express.urlencoded({ extended: true }));
app.use("/static", express.static("public"));
app.get("/", (req, res) => res.json({ hello: req.query.name ?? "world" }));
app.post("/echo", (req, res) => res.status(201).send(req.body));
app.get("/old", (req, res) => res.redirect("/"));
app.get("/cookie", (req, res) => res.cookie("seen", "yes", { httpOnly: true }).send("set"));
app.get("/stream", (req, res) => {
  res.type("text/plain");
  for (let i = 0; i < 1000; i++) res.write("line " + i + "\\n");
  res.end();
});
app.get("/throws", async () => {
  throw new Error("refused");
});
app.use((error, req, res, next) => res.status(error.status ?? 500).json({ error: error.message }));

const server = app.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    get("/?name=matrix"),
    post("/echo", { json: { a: [1, 2, { b: "ü" }] }, status: 201 }),
    post("/echo", { form: { a: "1", b: "x y" }, status: 201, note: "form" }),
    post("/echo", { text: "{", headers: { "content-type": "application/json" }, status: 400, note: "broken" }),
    get("/old", { status: 302 }),
    get("/cookie"),
    get("/stream"),
    get("/throws", { status: 500 }),
    get("/static/page.html"),
    get("/static/page.html", { headers: { range: "bytes=0-14" }, status: 206, note: "range" }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
