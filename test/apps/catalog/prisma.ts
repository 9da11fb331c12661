import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "prisma",
  group: "Databases and queues",
  about: "with SQLite and its driver adapter for libSQL; `$disconnect()` at SIGTERM",
  packages: {
    prisma: "7.10.0",
    "@prisma/client": "7.10.0",
    "@prisma/adapter-libsql": "7.10.0",
    fastify: "5.12.8",
  },
  installScripts: ["prisma", "@prisma/engines", "@prisma/client"],
  main: "app.ts",
  files: {
    "prisma.config.ts": "export default { schema: 'schema.prisma', datasource: { url: 'file:./data.db' } };\n",
    "schema.prisma": `
generator client {
  provider = "prisma-client"
  output   = "generated"
}
datasource db {
  provider = "sqlite"
}
model Item {
  id   Int    @id @default(autoincrement())
  name String
}
`,
    "app.ts": `
import { PrismaLibSql } from "@prisma/adapter-libsql";
import Fastify from "fastify";
import { appendFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PrismaClient } from "./generated/client.ts";

const db = new PrismaClient({ adapter: new PrismaLibSql({ url: "file:" + mkdtempSync(join(tmpdir(), "prisma-")) + "/data.db" }) });
await db.$executeRawUnsafe("create table Item (id integer primary key autoincrement, name text not null)");
const app = Fastify();
app.get("/:id", async (req) => db.item.findUnique({ where: { id: Number((req.params as any).id) } }));
app.post("/", async (req) => {
  const { name } = await db.item.create({ data: { name: (req.body as any).name } });
  return { name };
});
app.addHook("onClose", async () => {
  await db.$disconnect();
  appendFileSync(process.env.CLEANUP_FILE!, "disconnected\\n");
});
await app.listen({ port: Number(process.env.PORT) });
process.on("SIGTERM", () => void app.close());
`,
  },
  build: [["prisma", "generate"]],
  requests: [get("/0"), post("/", { json: { name: "a" } })],
};

export default app;
