import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "express-4",
  group: "Frameworks",
  about: "CommonJS, `require.main === module`",
  packages: { express: "4.22.3" },
  main: "app.cjs",
  files: {
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "routes.cjs": `
const router = require("express").Router();
router.get("/items/:id", (req, res) => res.json({ id: req.params.id, base: req.baseUrl }));
module.exports = router;
`,
    "app.cjs": `
const express = require("express");
const { appendFileSync } = require("node:fs");

const app = express();
app.use(express.json({ limit: "1kb" }));
app.use(express.static("public"));
app.use("/api", require("./routes.cjs"));
app.get("/", (req, res) => res.send("<h1>hello</h1>"));
app.post("/echo", (req, res) => res.status(201).json(req.body));
app.get("/download", (req, res) => res.download("app.cjs", "source.txt"));
app.get("/throws", () => {
  throw new Error("refused");
});

let server;
if (require.main === module) server = app.listen(process.env.PORT);
else module.exports = app;
process.on("SIGTERM", () => {
  appendFileSync(process.env.CLEANUP_FILE, "sigterm\\n");
  if (server) server.close(() => process.exit(0));
  else process.exit(0);
});
`,
  },
  env: { NODE_ENV: "production" },
  requests: [
    get("/"),
    get("/", { headers: { "if-none-match": 'W/"d-wRQ3eAEJd4VJYmYKAmRgn7Nupjs"' }, note: "conditional" }),
    get("/page.html", { volatile: ["last-modified"] }),
    get("/api/items/7"),
    post("/echo", { json: [1, 2], status: 201 }),
    post("/echo", { json: "x".repeat(5000), status: 413, note: "too large" }),
    get("/download", { volatile: ["last-modified"] }),
    get("/throws", { status: 500 }),
  ],
};

export default app;
