import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "sails",
  group: "Frameworks",
  about: "lifted by the program, without an ORM",
  packages: { sails: "1.5.18" },
  main: "app.js",
  files: {
    "app.js": `
const { appendFileSync } = require("node:fs");
const { Sails } = require("sails");

const app = new Sails();
app.on("lower", () => appendFileSync(process.env.CLEANUP_FILE, "lower\\n"));
app.lift({
  port: Number(process.env.PORT),
  environment: "development",
  hooks: { grunt: false, session: false, pubsub: false, sockets: false },
  log: { level: "silent" },
  routes: {
    "GET /hello/:name": (req, res) => res.json({ hello: req.params.name }),
    "POST /echo": (req, res) => res.status(201).json(req.body),
    "GET /throws": (req, res) => res.status(500).send("failed"),
  },
}, (error) => {
  if (error) throw error;
});
`,
  },
  requests: [
    get("/hello/matrix"),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    get("/throws", { status: 500 }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
