import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "busboy",
  group: "Middleware and uploads",
  packages: { busboy: "1.6.0" },
  files: {
    "app.mjs": `
import busboy from "busboy";
import { createServer } from "node:http";

const server = createServer((req, res) => {
  if (req.method !== "POST") return res.end("plain");
  const parts = [];
  const form = busboy({ headers: req.headers });
  form.on("file", (name, file, info) => {
    let bytes = 0;
    file.on("data", (chunk) => (bytes += chunk.length)).on("end", () => parts.push({ name, ...info, bytes }));
  });
  form.on("field", (name, value) => parts.push({ name, value }));
  form.on("close", () => res.writableEnded || res.end(JSON.stringify(parts)));
  form.on("error", (error) => {
    req.unpipe(form);
    res.writeHead(400).end(error.message);
  });
  req.pipe(form);
}).listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    get("/"),
    post("/upload", {
      multipart: {
        title: "a title, ü",
        file: { filename: "a.bin", content: Buffer.alloc(1_000_000, 7) },
        text: { filename: "b.txt", content: "some text", type: "text/plain" },
      },
    }),
    post("/upload", {
      text: "no multipart",
      headers: { "content-type": "multipart/form-data; boundary=x" },
      status: 400,
      note: "broken",
    }),
  ],
};

export default app;
