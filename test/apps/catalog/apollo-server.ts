import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "apollo-server",
  group: "APIs and GraphQL",
  about: "with Express and its drain plugin",
  packages: { "@apollo/server": "5.5.1", "@as-integrations/express5": "1.1.2", express: "5.3.0", graphql: "16.15.0" },
  files: {
    "app.mjs": `
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginDrainHttpServer } from "@apollo/server/plugin/drainHttpServer";
import { expressMiddleware } from "@as-integrations/express5";
import express from "express";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const app = express();
const server = createServer(app);
const apollo = new ApolloServer({
  typeDefs: "type Query { hello(name: String!): String, throws: String } type Mutation { add(a: Int!, b: Int!): Int }",
  resolvers: {
    Query: {
      hello: (_, { name }) => "hello " + name,
      throws: () => {
        throw new Error("refused");
      },
    },
    Mutation: { add: (_, { a, b }) => a + b },
  },
  includeStacktraceInErrorResponses: false,
  plugins: [
    ApolloServerPluginDrainHttpServer({ httpServer: server }),
    { serverWillStart: async () => ({ serverWillStop: async () => appendFileSync(process.env.CLEANUP_FILE, "serverWillStop\\n") }) },
  ],
});
await apollo.start();
app.use("/graphql", express.json(), expressMiddleware(apollo));
server.listen(process.env.PORT);
`,
  },
  env: { NODE_ENV: "production" },
  requests: [
    post("/graphql", { json: { query: '{ hello(name: "matrix") }' } }),
    post("/graphql", { json: { query: "mutation { add(a: 1, b: 2) }" }, note: "mutation" }),
    post("/graphql", { json: { query: "{ throws }" }, note: "error" }),
    post("/graphql", { json: { query: "{ nothing }" }, status: 400, note: "invalid" }),
    get("/graphql?query=%7B__typename%7D", { headers: { "apollo-require-preflight": "yes" } }),
  ],
};

export default app;
