/** An app as it ran before heddle, unchanged: its listen(3000) is captured, and heddle's address is what it gets. */

import express from "express";

const app: express.Express = express();

app.get("/", (_req, res) => {
  res.send("hello from an app that listens itself\n");
});

const server = app.listen(3000, () => {
  console.log("the app believes it listens on", server.address());
});
