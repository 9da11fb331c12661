import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "ts-rest",
  group: "APIs and GraphQL",
  about: "with Express",
  packages: { "@ts-rest/core": "3.52.1", "@ts-rest/express": "3.52.1", express: "4.22.3", zod: "3.25.76" },
  files: {
    "app.mjs": `
import { initContract } from "@ts-rest/core";
import { createExpressEndpoints, initServer } from "@ts-rest/express";
import express from "express";
import { z } from "zod";

const contract = initContract().router({
  get: { method: "GET", path: "/items/:id", responses: { 200: z.object({ id: z.string() }), 404: z.null() } },
  add: { method: "POST", path: "/items", body: z.object({ name: z.string() }), responses: { 201: z.object({ name: z.string() }) } },
});
const router = initServer().router(contract, {
  get: async ({ params: { id } }) => (id === "0" ? { status: 404, body: null } : { status: 200, body: { id } }),
  add: async ({ body }) => ({ status: 201, body }),
});
const app = express();
app.use(express.json());
createExpressEndpoints(contract, router, app);
const server = app.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    get("/items/7"),
    get("/items/0", { status: 404 }),
    post("/items", { json: { name: "a" }, status: 201 }),
    post("/items", { json: {}, status: 400, note: "invalid" }),
  ],
};

export default app;
