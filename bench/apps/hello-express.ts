import express, { type Express } from "express";

const app: Express = express();
app.get("/", (_request, response) => {
  response.type("text/plain").send("Hello, world!\n");
});

export default app;
