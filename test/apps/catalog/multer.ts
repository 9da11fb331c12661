import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "multer",
  group: "Middleware and uploads",
  packages: { express: "5.3.0", multer: "2.5.0" },
  files: {
    "app.mjs": `
import express from "express";
import multer from "multer";

const app = express();
const upload = multer({ storage: multer.memoryStorage() });
app.get("/", (req, res) => res.send("plain"));
app.post("/upload", upload.any(), (req, res) =>
  res.json({ fields: { ...req.body }, files: req.files.map(({ originalname, mimetype, size }) => ({ originalname, mimetype, size })) }),
);
app.use((error, req, res, next) => res.status(400).json({ error: error.message }));
const server = app.listen(process.env.PORT);
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
