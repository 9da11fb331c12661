import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "sharp",
  group: "Native add-ons",
  packages: { sharp: "0.35.5" },
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import sharp from "sharp";

async function answer({ searchParams }) {
  const size = Number(searchParams.get("size"));
  const image = sharp({ create: { width: size, height: size, channels: 3, background: "#7f3f1f" } });
  return { type: "image/png", body: await image.resize(16, 16).png().toBuffer() };
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
  requests: [get("/?size=200"), get("/?size=0", { status: 500 })],
};

export default app;
