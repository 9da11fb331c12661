import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "nuxt",
  group: "Renderers",
  about: "the server of `nuxt build`; a close hook of Nitro",
  packages: { nuxt: "4.5.2", vue: "3.5.45" },
  installScripts: ["esbuild", "@parcel/watcher"],
  main: ".output/server/index.mjs",
  files: {
    "nuxt.config.mjs": "export default { compatibilityDate: '2026-01-01', telemetry: false };\n",
    "app/app.vue":
      "<script setup>const { data } = await useFetch('/api/hello', { query: { name: useRoute().query.name } });</script>\n<template><h1>hello {{ data.hello }}</h1></template>\n",
    "server/api/hello.get.js": "export default defineEventHandler((event) => ({ hello: getQuery(event).name }));\n",
    "server/api/echo.post.js":
      "export default defineEventHandler(async (event) => (setResponseStatus(event, 201), await readBody(event)));\n",
    "server/api/refused.get.js":
      "export default defineEventHandler(() => { throw createError({ statusCode: 403, message: 'refused' }); });\n",
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "server/plugins/close.js": `
import { appendFileSync } from "node:fs";

export default defineNitroPlugin((nitro) =>
  nitro.hooks.hook("close", () => appendFileSync(process.env.CLEANUP_FILE, "close hook\\n")),
);
`,
  },
  build: [["nuxt", "build"]],
  env: { NODE_ENV: "production" },
  requests: [
    get("/?name=matrix", { has: "hello matrix" }),
    get("/api/hello?name=matrix"),
    post("/api/echo", { json: { a: [1, 2] }, status: 201 }),
    get("/page.html"),
    get("/api/refused", { status: 403 }),
  ],
};

export default app;
