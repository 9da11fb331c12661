import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "nitro",
  group: "Frameworks",
  about: "built with the preset node-server; a plugin with a close hook",
  packages: { nitropack: "2.13.6" },
  installScripts: ["esbuild"],
  main: ".output/server/index.mjs",
  files: {
    "nitro.config.mjs":
      "export default { preset: 'node-server', compatibilityDate: '2026-01-01', srcDir: 'server' };\n",
    "server/routes/index.get.mjs":
      "import { defineEventHandler, getQuery } from 'h3';\nexport default defineEventHandler((event) => ({ hello: getQuery(event).name }));\n",
    "server/routes/echo.post.mjs":
      "import { defineEventHandler, readBody, setResponseStatus } from 'h3';\nexport default defineEventHandler(async (event) => (setResponseStatus(event, 201), await readBody(event)));\n",
    "server/routes/refused.get.mjs":
      "import { createError, defineEventHandler } from 'h3';\nexport default defineEventHandler(() => { throw createError({ statusCode: 403, message: 'refused' }); });\n",
    "server/public/page.html": "<!doctype html><title>A page</title>\n",
    "server/plugins/close.mjs": `
import { appendFileSync } from "node:fs";

export default (nitro) =>
  nitro.hooks.hook("close", () => appendFileSync(process.env.CLEANUP_FILE, "close hook\\n"));
`,
  },
  build: [["nitropack", "build"]],
  env: { NODE_ENV: "production" },
  requests: [
    get("/?name=matrix"),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    get("/refused", { status: 403 }),
    get("/page.html"),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
