import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "zeromq",
  group: "Native add-ons",
  packages: { zeromq: "6.8.0" },
  installScripts: ["zeromq"],
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import { Reply, Request } from "zeromq";

const replies = new Reply();
await replies.bind("tcp://127.0.0.1:*");
(async () => {
  for await (const [text] of replies) await replies.send("echo " + text);
})();
async function answer({ searchParams }) {
  const request = new Request();
  request.connect(replies.lastEndpoint);
  await request.send(searchParams.get("text"));
  const [reply] = await request.receive();
  request.close();
  return { body: { reply: String(reply) } };
}
const server = createServer(async (req, res) => {
  try {
    const { type = "application/json", body } = await answer(new URL(req.url, "http://host"));
    res.writeHead(200, { "content-type": type });
    res.end(type === "application/json" ? JSON.stringify(body) : body);
  } catch (error) {
    res.writeHead(500).end(error.message);
  }
});
server.listen(process.env.PORT);
process.once("SIGTERM", () => replies.close());
${closesAtSigterm}`,
  },
  requests: [get("/?text=one")],
};

export default app;
