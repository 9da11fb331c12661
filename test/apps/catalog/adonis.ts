import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "adonis",
  group: "Frameworks",
  about: "AdonisJS 7, its HTTP server and body parser; a `terminating` hook",
  type: "module",
  packages: { "@adonisjs/core": "7.5.2" },
  main: "bin/server.js",
  env: { NODE_ENV: "production", HOST: "127.0.0.1", APP_KEY: "a key of at least thirty-two characters" },
  files: {
    "adonisrc.js": `
import { defineConfig } from "@adonisjs/core/app";

export default defineConfig({
  providers: [() => import("@adonisjs/core/providers/app_provider"), () => import("@adonisjs/core/providers/hash_provider")],
  preloads: [() => import("./start/kernel.js")],
});
`,
    "config/app.js": `
import { Secret } from "@adonisjs/core/helpers";
import { defineConfig } from "@adonisjs/core/http";

export const appKey = new Secret(process.env.APP_KEY);
export const http = defineConfig({ generateRequestId: false });
`,
    "config/bodyparser.js":
      "import { defineConfig } from '@adonisjs/core/bodyparser';\nexport default defineConfig({ allowedMethods: ['POST'] });\n",
    "config/hash.js":
      "import { defineConfig, drivers } from '@adonisjs/core/hash';\nexport default defineConfig({ default: 'scrypt', list: { scrypt: drivers.scrypt({}) } });\n",
    "config/encryption.js":
      "import { defineConfig, drivers } from '@adonisjs/core/encryption';\nexport default defineConfig({ default: 'app', list: { app: drivers.aes256gcm({ id: 'app', keys: [process.env.APP_KEY] }) } });\n",
    "config/logger.js":
      "import { defineConfig } from '@adonisjs/core/logger';\nexport default defineConfig({ default: 'app', loggers: { app: { enabled: false } } });\n",
    "start/kernel.js": `
import router from "@adonisjs/core/services/router";
import server from "@adonisjs/core/services/server";

server.use([]);
router.use([() => import("@adonisjs/core/bodyparser_middleware")]);
router.get("/", ({ request }) => ({ hello: request.qs().name }));
router.post("/echo", ({ request, response }) => response.status(201).send(request.body()));
router.get("/refused", ({ response }) => response.forbidden({ refused: true }));
router.get("/throws", () => {
  throw new Error("internal");
});
`,
    "bin/server.js": `
import { Ignitor } from "@adonisjs/core";
import { appendFileSync } from "node:fs";

await new Ignitor(new URL("../", import.meta.url), { importer: (path) => import(path) })
  .tap((app) => {
    app.listen("SIGTERM", () => app.terminate());
    app.terminating(() => appendFileSync(process.env.CLEANUP_FILE, "terminating\\n"));
  })
  .httpServer()
  .start();
`,
  },
  requests: [
    get("/?name=matrix"),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    get("/refused", { status: 403 }),
    get("/throws", { status: 500 }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
