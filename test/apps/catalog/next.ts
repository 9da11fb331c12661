import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "next",
  group: "Renderers",
  about: "a custom server; pages, a route handler that streams, static files",
  packages: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
  files: {
    "next.config.mjs": "export default { poweredByHeader: true };\n",
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "app/layout.js":
      "export default function Layout({ children }) { return <html lang='en'><body>{children}</body></html>; }\n",
    "app/page.js": "export default function Page() { return <h1>hello static</h1>; }\n",
    "app/items/[id]/page.js": `
import { notFound } from "next/navigation";
export const dynamic = "force-dynamic";
export default async function Page({ params }) {
  const { id } = await params;
  if (id === "0") notFound();
  return <h1>item {id}</h1>;
}
`,
    "app/api/route.js": `
export async function POST(request) {
  return Response.json(await request.json(), { status: 201, headers: { "x-own": "yes" } });
}
export async function GET() {
  const stream = new ReadableStream({
    async start(controller) {
      for (let i = 0; i < 5; i++) controller.enqueue(new TextEncoder().encode("line " + i + "\\n"));
      controller.close();
    },
  });
  return new Response(stream, { headers: { "content-type": "text/plain" } });
}
`,
    "app.mjs": `
import { createServer } from "node:http";
import next from "next";

const app = next({ dev: false });
await app.prepare();
const handle = app.getRequestHandler();
const server = createServer((req, res) => handle(req, res)).listen(process.env.PORT);
${closesAtSigterm}`,
  },
  build: [["next", "build"]],
  env: { NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
  requests: [
    get("/", { has: "hello static" }),
    get("/items/7", { has: "item" }),
    get("/items/0", { status: 404 }),
    post("/api", { json: { a: [1, 2] }, status: 201 }),
    get("/api"),
    get("/page.html", { volatile: ["last-modified", "etag"] }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
