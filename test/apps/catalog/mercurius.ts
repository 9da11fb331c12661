import { UPGRADES } from "../notes.ts";
import type { AppRecord } from "../record.ts";
import { custom, get, post } from "../requests.ts";

const app: AppRecord = {
  name: "mercurius",
  group: "APIs and GraphQL",
  about: "with Fastify, subscriptions over a WebSocket",
  packages: { fastify: "5.12.8", mercurius: "16.10.1", graphql: "16.15.0" },
  files: {
    "app.mjs": `
import Fastify from "fastify";
import mercurius from "mercurius";
import { appendFileSync } from "node:fs";

const app = Fastify();
await app.register(mercurius, {
  schema: "type Query { add(x: Int, y: Int): Int } type Subscription { count: Int }",
  resolvers: {
    Query: { add: (_, { x, y }) => x + y },
    Subscription: {
      count: {
        async *subscribe() {
          for (let i = 0; i < 3; i++) yield { count: i };
        },
      },
    },
  },
  subscription: true,
});
app.addHook("onClose", async () => appendFileSync(process.env.CLEANUP_FILE, "onClose\\n"));
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
process.on("SIGTERM", () => void app.close());
`,
  },
  requests: [
    post("/graphql", { json: { query: "{ add(x: 1, y: 2) }" } }),
    get("/graphql?query=%7Badd(x:1,y:2)%7D"),
    post("/graphql", { json: { query: "{ nothing }" }, status: 400, note: "invalid" }),
    custom("subscription", async ({ port }) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/graphql`, "graphql-transport-ws");
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const received: unknown[] = [];
      client.addEventListener("open", () => client.send(JSON.stringify({ type: "connection_init" })));
      client.addEventListener("message", ({ data }) => {
        const message = JSON.parse(String(data)) as { type: string };
        received.push(message);
        if (message.type === "connection_ack") {
          const query = "subscription { count }";
          client.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
        }
        if (message.type === "complete") resolve(received);
      });
      client.addEventListener("error", () => reject(new Error("the WebSocket failed")));
      client.addEventListener("close", ({ code }) => reject(new Error(`the WebSocket was closed with ${code}`)));
      return promise.finally(() => client.close());
    }),
  ],
  exceptions: [{ check: "answers", shapes: ["model threads"], requests: ["subscription"], why: UPGRADES }],
};

export default app;
