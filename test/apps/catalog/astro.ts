import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "astro",
  group: "Renderers",
  about: "@astrojs/node in middleware mode, with Express",
  packages: { astro: "7.3.5", "@astrojs/node": "11.1.6", express: "5.3.0" },
  installScripts: ["esbuild"],
  main: "app.mjs",
  files: {
    "astro.config.mjs":
      "import node from '@astrojs/node';\nexport default { output: 'server', adapter: node({ mode: 'middleware' }), security: { checkOrigin: false } };\n",
    "src/pages/index.astro":
      "---\nconst name = Astro.url.searchParams.get('name');\n---\n<!doctype html><html><body><h1>hello {name}</h1></body></html>\n",
    "src/pages/api.js":
      "export const POST = async ({ request }) => new Response(JSON.stringify(await request.json()), { status: 201 });\n",
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "app.mjs": `
import express from "express";
import { appendFileSync } from "node:fs";
import { handler } from "./dist/server/entry.mjs";

const app = express();
app.use(express.static("dist/client"));
app.use(handler);
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(() => {
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
    process.exit(0);
  });
});
`,
  },
  build: [["astro", "build"]],
  env: { NODE_ENV: "production", ASTRO_TELEMETRY_DISABLED: "1" },
  requests: [
    get("/?name=matrix", { has: "hello matrix" }),
    post("/api", { json: { a: [1, 2] }, status: 201 }),
    get("/page.html", { volatile: ["last-modified", "etag"] }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
