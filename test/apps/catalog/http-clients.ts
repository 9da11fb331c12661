import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "http-clients",
  group: "Threads and clients inside",
  about: "undici, got, axios and fetch in handlers, of a second server of the app",
  packages: { undici: "8.13.1", got: "16.1.0", axios: "1.21.1", fastify: "5.12.8" },
  files: {
    "app.mjs": `
import axios from "axios";
import Fastify from "fastify";
import got from "got";
import { once } from "node:events";
import { createServer } from "node:http";
import { Agent, request, setGlobalDispatcher } from "undici";

const backend = createServer((req, res) => res.end(JSON.stringify({ path: req.url }))).listen(0, "127.0.0.1");
await once(backend, "listening");
backend.unref();
const url = "http://127.0.0.1:" + backend.address().port;
setGlobalDispatcher(new Agent({ connections: 4 }));
const app = Fastify();
app.get("/undici", async () => (await request(url + "/u")).body.json());
app.get("/got", async () => got(url + "/g").json());
app.get("/axios", async () => (await axios.get(url + "/a")).data);
app.get("/fetch", async () => (await fetch(url + "/f")).json());
app.get("/piped", (req, reply) => reply.send(got.stream(url + "/p")));
app.get("/refused", async () => (await fetch("http://127.0.0.1:9/")).text());
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
const { server } = app;
${closesAtSigterm}`,
  },
  requests: [
    get("/undici"),
    get("/got"),
    get("/axios"),
    get("/fetch"),
    get("/piped"),
    get("/refused", { status: 500 }),
  ],
};

export default app;
