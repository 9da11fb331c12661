import express from "express";

const app: express.Express = express();

app.use(express.json());

app.get("/", (_req, res) => {
  res.send("hello from express\n");
});

app.post("/echo", (req, res) => {
  res.json(req.body);
});

export default app;
