import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "close-with-grace",
  group: "Logging, metrics, ending",
  about: "with Fastify",
  packages: { "close-with-grace": "2.5.0", fastify: "5.12.8" },
  files: {
    "app.mjs": `
import closeWithGrace from "close-with-grace";
import Fastify from "fastify";
import { appendFileSync } from "node:fs";

const app = Fastify();
app.get("/", async () => ({ hello: "world" }));
app.addHook("onClose", async () => appendFileSync(process.env.CLEANUP_FILE, "onClose\\n"));
closeWithGrace({ delay: 5000 }, async ({ signal, err }) => {
  appendFileSync(process.env.CLEANUP_FILE, "grace, " + signal + ", " + err + "\\n");
  await app.close();
});
await app.listen({ port: Number(process.env.PORT) });
`,
  },
  requests: [get("/")],
};

export default app;
