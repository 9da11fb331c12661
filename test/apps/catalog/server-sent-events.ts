import type { AppRecord } from "../record.ts";
import { events, get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "server-sent-events",
  group: "Realtime",
  about: "better-sse with Express; a stream that its client leaves",
  packages: { "better-sse": "0.16.1", express: "5.3.0" },
  files: {
    "app.mjs": `
import { createSession } from "better-sse";
import express from "express";

const app = express();
app.get("/", (req, res) => res.send("plain"));
app.get("/events", async (req, res) => {
  const session = await createSession(req, res);
  let n = 0;
  const timer = setInterval(() => session.push({ n: n++ }, "tick", String(n)), 10);
  session.on("disconnected", () => clearInterval(timer));
});
const server = app.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [get("/"), events("/events", 5)],
};

export default app;
