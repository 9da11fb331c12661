import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "vite-ssr",
  group: "Renderers",
  about: "Vite's development server in middleware mode with Express, `ssrLoadModule`",
  packages: { vite: "8.4.0", express: "5.3.0" },
  files: {
    "index.html":
      "<!doctype html><html><body><!--page--><script type='module' src='/client.js'></script></body></html>\n",
    "client.js": "import { title } from './title.js';\ndocument.title = title;\n",
    "title.js": "export const title = 'a title';\n",
    "server-entry.js":
      "import { title } from './title.js';\nexport const render = (url) => `<h1>${title} of ${url}</h1>`;\n",
    "app.mjs": `
import express from "express";
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "vite";

const vite = await createServer({ server: { middlewareMode: true, hmr: false, ws: false }, appType: "custom", logLevel: "error" });
const app = express();
app.use(vite.middlewares);
app.use(async (req, res) => {
  const { render } = await vite.ssrLoadModule("/server-entry.js");
  const page = await vite.transformIndexHtml(req.originalUrl, readFileSync("index.html", "utf8"));
  res.status(200).set("content-type", "text/html").end(page.replace("<!--page-->", render(req.originalUrl)));
});
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(async () => {
    await vite.close();
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [get("/a/page", { headers: { accept: "text/html" } }), get("/client.js", { mask: /\?[tv]=\w+/ })],
};

export default app;
