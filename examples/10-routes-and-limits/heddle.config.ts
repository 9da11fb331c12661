import { defineConfig, type UserConfig } from "../../src/index.ts"; // in your project: from "heddle"

const config: UserConfig = defineConfig({
  app: "app.ts",
  timeout: "10s",
  queueTimeout: "2s",
  routes: {
    "GET /quick": { timeout: "500ms" },
  },
});

export default config;
