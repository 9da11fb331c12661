import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "graphql-yoga",
  group: "APIs and GraphQL",
  about: "a subscription over server-sent events",
  packages: { "graphql-yoga": "5.24.1", graphql: "16.15.0" },
  files: {
    "app.mjs": `
import { createSchema, createYoga } from "graphql-yoga";
import { createServer } from "node:http";

const yoga = createYoga({
  logging: false,
  schema: createSchema({
    typeDefs: "type Query { hello(name: String!): String } type Subscription { count: Int }",
    resolvers: {
      Query: { hello: (_, { name }) => "hello " + name },
      Subscription: {
        count: {
          async *subscribe() {
            for (let i = 0; i < 3; i++) yield { count: i };
          },
        },
      },
    },
  }),
});
const server = createServer(yoga);
server.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    post("/graphql", { json: { query: '{ hello(name: "matrix") }' } }),
    post("/graphql", { json: { query: "{ nothing }" }, status: 200, note: "invalid" }),
    post("/graphql", {
      json: { query: "subscription { count }" },
      headers: { accept: "text/event-stream" },
      note: "subscription",
    }),
    get("/graphql", { headers: { accept: "text/html" }, note: "GraphiQL" }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
