import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "formidable",
  group: "Middleware and uploads",
  packages: { formidable: "3.5.4" },
  files: {
    "app.mjs": `
import formidable from "formidable";
import { createServer } from "node:http";
import { rm } from "node:fs/promises";

const server = createServer(async (req, res) => {
  if (req.method !== "POST") return res.end("plain");
  try {
    const [fields, files] = await formidable({ hashAlgorithm: "sha1" }).parse(req);
    const all = Object.values(files).flat();
    for (const { filepath } of all) await rm(filepath);
    const told = all.map(({ originalFilename, size, hash }) => ({ originalFilename, size, hash }));
    res.end(JSON.stringify({ fields, files: told }));
  } catch (error) {
    res.writeHead(error.httpCode ?? 400).end(error.message);
  }
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
