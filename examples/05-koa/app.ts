import Koa from "koa";

const app: Koa = new Koa();

app.use(async (context, next) => {
  const start = performance.now();
  await next();
  context.set("x-response-time", `${(performance.now() - start).toFixed(1)} ms`);
});

app.use((context) => {
  context.body = "hello from koa\n";
});

export default app;
