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
${closesAtSigterm}`,
  },
  requests: [get("/?text=one")],
  exceptions: [
    {
      check: "stop",
      shapes: ["threads 2", "model threads"],
      why: "zeromq 6.8.0 aborts its process when a thread ends that still receives on a socket; it does so in a `worker_thread` without heddle too. The answers and the cleanup are not affected, the exit code is 1. Close the sockets in the listener for SIGTERM.",
    },
  ],
};

export default app;
