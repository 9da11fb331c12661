import { Hono } from "hono";
import { streamSSE } from "hono/streaming";

const app: Hono = new Hono();

app.get("/", (context) => context.text("hello from hono\n"));

app.get("/stream", (context) =>
  streamSSE(context, async (stream) => {
    for (let tick = 1; tick <= 3; tick++) {
      await stream.writeSSE({ data: String(tick) });
      await stream.sleep(100);
    }
  }),
);

export default app;
