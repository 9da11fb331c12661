import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "react-router",
  group: "Renderers",
  about: "framework mode with Express: loader, action, streamed HTML",
  packages: {
    "react-router": "8.4.0",
    "@react-router/dev": "8.4.0",
    "@react-router/node": "8.4.0",
    "@react-router/serve": "8.4.0",
    "@react-router/express": "8.4.0",
    express: "5.3.0",
    isbot: "5.2.3",
    react: "19.3.1",
    "react-dom": "19.3.1",
    vite: "8.4.0",
    typescript: "5.9.3",
  },
  installScripts: ["esbuild"],
  files: {
    "vite.config.js":
      "import { reactRouter } from '@react-router/dev/vite';\nexport default { plugins: [reactRouter()] };\n",
    "react-router.config.js": "export default { ssr: true };\n",
    "app/root.jsx": `
import { Outlet, Scripts } from "react-router";
export default function Root() {
  return <html lang="en"><body><Outlet /><Scripts /></body></html>;
}
`,
    "app/routes.js":
      "import { index, route } from '@react-router/dev/routes';\nexport default [index('home.jsx'), route('api', 'api.js')];\n",
    "app/home.jsx": `
export const loader = ({ request }) => ({ name: new URL(request.url).searchParams.get("name") });
export default function Home({ loaderData }) { return <h1>hello {loaderData.name}</h1>; }
`,
    "app/api.js":
      "export const action = async ({ request }) => Response.json(await request.json(), { status: 201 });\n",
    "app.mjs": `
import { createRequestHandler } from "@react-router/express";
import express from "express";
import * as build from "./build/server/index.js";

const app = express();
app.use(express.static("build/client"));
app.use(createRequestHandler({ build }));
const server = app.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  build: [["react-router", "build"]],
  env: { NODE_ENV: "production" },
  requests: [
    get("/?name=matrix", { has: "matrix" }),
    post("/api", { json: { a: [1, 2] }, status: 201 }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
