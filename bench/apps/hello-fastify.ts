import fastify, { type FastifyInstance } from "fastify";

const app: FastifyInstance = fastify();
app.get("/", (_request, reply) => {
  void reply.type("text/plain").send("Hello, world!\n");
});

export default app;
