/** The tasks of an app that are parked when the server stops. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/tasks/parked/app.ts", import.meta.url));

describe("an app whose tasks wait for work is no program that hangs, when the server stops", () => {
  for (const shape of [[], ["--threads", "2"]]) {
    test(`with ${shape.join(" ") || "one event loop"}`, async () => {
      await using server = await startServer(app, ["-w", "1", ...shape]);
      assert.equal(await (await fetch(`${server.url}/first`)).text(), "ok");
      await server.waitForLog(/got \/first/);
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
      assert.doesNotMatch(server.stdout() + server.stderr(), /DEADLOCK/);
    });
  }
});
