/** express-session with its store in memory, over two workers: the real package, and a client whose requests come on many connections. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { serve, tempFolder } from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));

const APP = `
import { createRequire } from "node:module";
const require = createRequire(${JSON.stringify(modules)});
const express = require("express");
const session = require("express-session");

const app = express();
app.use(session({ secret: "s", resave: false, saveUninitialized: true, name: "sid" }));
app.get("/", (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.json({ visits: req.session.visits, pid: process.pid });
});
export default app;
`;

/** A client with a jar for cookies, as a browser has. Each request has a connection of its own. */
class Browser {
  readonly #jar = new Map<string, string>();

  async visit(url: string): Promise<{ readonly visits: number; readonly pid: number }> {
    const cookie = [...this.#jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { headers: { cookie, connection: "close" } });
    assert.equal(response.status, 200);
    for (const set of response.headers.getSetCookie()) {
      const [name = "", value = ""] = set.split(";")[0]!.split("=", 2);
      this.#jar.set(name, value);
    }
    return (await response.json()) as { visits: number; pid: number };
  }

  get cookies(): readonly string[] {
    return [...this.#jar.keys()].sort();
  }
}

test("a session in memory lasts over all requests of its client, and begins anew after a reload", async (t) => {
  const app = join(tempFolder(t, { "app.mjs": APP }), "app.mjs");
  const server = await serve(t, app, ["-w", "2", "-t", "1", "--sticky", "cookie"]);
  const browsers = Array.from({ length: 8 }, () => new Browser());
  const pids = new Set<number>();
  for (let visit = 1; visit <= 6; visit++) {
    const seen = await Promise.all(browsers.map((browser) => browser.visit(server.url)));
    for (const { visits, pid } of seen) {
      assert.equal(visits, visit);
      pids.add(pid);
    }
  }
  assert.equal(pids.size, 2, "both workers have clients");
  assert.deepEqual(browsers[0]!.cookies, ["heddle_instance", "sid"]);
  assert.ok((await server.status()).counters.forwarded > 0, "some requests came to the other worker");
  assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
  for (let visit = 1; visit <= 3; visit++) {
    const seen = await Promise.all(browsers.map((browser) => browser.visit(server.url)));
    for (const { visits, pid } of seen) {
      assert.equal(visits, visit);
      assert.ok(!pids.has(pid));
    }
  }
});
