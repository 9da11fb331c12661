import { UPGRADES } from "../notes.ts";
import type { AppRecord } from "../record.ts";
import { custom, get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "graphql-ws",
  group: "Realtime",
  about: "with ws",
  packages: { "graphql-ws": "6.4.2", graphql: "16.15.0", ws: "8.23.0" },
  files: {
    "app.mjs": `
import { GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: "Query", fields: { hello: { type: GraphQLString, resolve: () => "world" } } }),
  subscription: new GraphQLObjectType({
    name: "Subscription",
    fields: {
      count: {
        type: GraphQLInt,
        async *subscribe() {
          for (let i = 0; i < 3; i++) yield { count: i };
        },
      },
    },
  }),
});
const server = createServer((req, res) => res.writeHead(404).end());
useServer({ schema }, new WebSocketServer({ server, path: "/graphql" }));
server.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    get("/", { status: 404 }),
    custom("subscription", async ({ port }) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/graphql`, "graphql-transport-ws");
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const received: unknown[] = [];
      client.addEventListener("open", () => client.send(JSON.stringify({ type: "connection_init" })));
      client.addEventListener("message", ({ data }) => {
        const message = JSON.parse(String(data)) as { type: string };
        received.push(message);
        const payload = { query: "subscription { count }" };
        if (message.type === "connection_ack") client.send(JSON.stringify({ id: "1", type: "subscribe", payload }));
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
