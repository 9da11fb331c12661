import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "napi-rs-canvas",
  group: "Native add-ons",
  packages: { "@napi-rs/canvas": "1.1.1" },
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import { createCanvas } from "@napi-rs/canvas";

function answer() {
  const canvas = createCanvas(64, 64);
  const context = canvas.getContext("2d");
  context.fillStyle = "#3f7f1f";
  context.fillRect(8, 8, 48, 48);
  return { type: "image/png", body: canvas.toBuffer("image/png") };
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
  requests: [get("/")],
};

export default app;
