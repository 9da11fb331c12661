import websocket from "@fastify/websocket";
import fastify, { type FastifyInstance } from "fastify";

const app: FastifyInstance = fastify();

app.get("/", () => "hello from fastify\n");

app.get("/square/:n", { schema: { params: { type: "object", properties: { n: { type: "number" } } } } }, (request) => {
  const { n } = request.params as { readonly n: number };
  return { square: n * n };
});

await app.register(websocket);
app.get("/ws", { websocket: true }, (socket) => {
  socket.on("message", (message: Buffer) => socket.send(`fastify heard ${message.toString()}`));
});

// heddle awaits app.ready() before the first request and calls app.close() after the last: onClose hooks run.
app.addHook("onClose", () => console.log("fastify closed"));

export default app;
