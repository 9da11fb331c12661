import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "polka",
  group: "Frameworks",
  about: "sirv",
  packages: { polka: "0.5.2", sirv: "3.0.2" },
  files: {
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "app.mjs": `
import { appendFileSync } from "node:fs";
import polka from "polka";
import sirv from "sirv";

const app = polka()
  .use(sirv("public"))
  .get("/hello/:name", (req, res) => res.end("hello " + req.params.name))
  .post("/length", (req, res) => {
    let length = 0;
    req.on("data", (chunk) => (length += chunk.length)).on("end", () => res.end(String(length)));
  })
  .listen(process.env.PORT);
process.on("SIGTERM", () => {
  app.server.close(() => {
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [
    get("/hello/matrix"),
    post("/length", { bytes: Buffer.alloc(300_000, 1) }),
    get("/page.html", { volatile: ["last-modified"] }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
