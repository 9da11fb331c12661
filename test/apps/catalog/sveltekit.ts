import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "sveltekit",
  group: "Renderers",
  about: "adapter-node's own server; its `sveltekit:shutdown` event",
  packages: {
    "@sveltejs/kit": "3.2.0",
    "@sveltejs/adapter-node": "6.0.1",
    "@sveltejs/vite-plugin-svelte": "7.3.1",
    svelte: "5.57.3",
    vite: "8.4.0",
  },
  type: "module",
  main: "build/index.js",
  files: {
    "vite.config.js":
      "import adapter from '@sveltejs/adapter-node';\nimport { sveltekit } from '@sveltejs/kit/vite';\nexport default { plugins: [sveltekit({ adapter: adapter() })] };\n",
    "src/app.html":
      "<!doctype html><html><head>%sveltekit.head%</head><body><div>%sveltekit.body%</div></body></html>\n",
    "src/hooks.server.js": `
import { appendFileSync } from "node:fs";
process.on("sveltekit:shutdown", (reason) => appendFileSync(process.env.CLEANUP_FILE, "shutdown, " + reason + "\\n"));
`,
    "src/routes/+page.svelte":
      "<script>let { data } = $props();</script>\n<svelte:head><title>A page</title></svelte:head>\n<h1>hello {data.name}</h1>\n",
    "src/routes/+page.server.js": `
import { fail } from "@sveltejs/kit";
export const load = ({ url }) => ({ name: url.searchParams.get("name") });
export const actions = { default: async ({ request }) => fail(422, { got: (await request.formData()).get("a") }) };
`,
    "src/routes/api/+server.js":
      "import { json } from '@sveltejs/kit';\nexport const POST = async ({ request }) => json(await request.json(), { status: 201 });\n",
    "static/page.html": "<!doctype html><title>A page</title>\n",
  },
  build: [["vite", "build"]],
  env: { NODE_ENV: "production" },
  requests: [
    get("/?name=matrix", { has: "hello matrix" }),
    post("/api", { json: { a: [1, 2] }, status: 201 }),
    get("/page.html", { volatile: ["last-modified", "etag"] }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
