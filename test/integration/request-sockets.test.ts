/** `req.socket` as apps use it, under every model. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:https";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeCertificate, tempFolder } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer } from "../support/server.ts";
import type { IncomingMessage } from "node:http";

const app = fileURLToPath(new URL("../fixtures/http/request-sockets.ts", import.meta.url));
const args = ["-w", "1", "-t", "1"];
const paths = ["/loop", "/threads", "/fresh", "/tasks"];
const inClearText = {
  pending: false,
  readyState: "open",
  isOneFamily: true,
  address: ["address", "family", "port"],
  isOwnServer: true,
  hasTls: false,
};

describe("the socket of a request", () => {
  test("has what one of Node has, and may be reset", async () => {
    await using server = await startServer(app, args);
    for (const path of paths) {
      // oxlint-disable-next-line no-await-in-loop -- one path after the other
      assert.deepEqual(await (await fetch(`${server.url}${path}`)).json(), inClearText, path);
      // oxlint-disable-next-line no-await-in-loop -- as above
      await using client = await RawConnection.open(server.port);
      client.request(`GET ${path} HTTP/1.1`, ["x-reset: yes"]);
      // oxlint-disable-next-line no-await-in-loop -- as above
      assert.equal(await client.rest().catch(() => ""), "", path);
    }
  });

  test("tells of TLS", async (t) => {
    const folder = tempFolder(t);
    makeCertificate(folder, "one.test");
    const tls = ["--tls-cert", join(folder, "one.test.crt"), "--tls-key", join(folder, "one.test.key")];
    await using server = await startServer(app, [...args, ...tls]);
    for (const path of paths) {
      const asked = request(`${server.url}${path}`, { rejectUnauthorized: false, servername: "one.test" }).end();
      // oxlint-disable-next-line no-await-in-loop -- one path after the other
      const [res] = (await once(asked, "response")) as [IncomingMessage];
      const expected = { ...inClearText, hasTls: true, tls: ["TLSv1.3", "TLSv1.3", {}, false, "one.test"] };
      // oxlint-disable-next-line no-await-in-loop -- as above
      assert.deepEqual(await json(res), expected, path);
    }
  });

  test("leads to the app's server, which takes what is attached to it", async () => {
    await using server = await startServer(app, args);
    await fetch(`${server.url}/attach`);
    await using client = await RawConnection.open(server.port);
    const offer = ["connection: upgrade", "upgrade: test"];
    assert.match(await client.request("GET / HTTP/1.1", offer).rest(), /^HTTP\/1.1 101 /);
    // The connection's own events are heddle's.
    await using broken = await RawConnection.open(server.port);
    assert.match(await broken.write("nonsense\r\n\r\n").rest(), /^HTTP\/1.1 400 /);
  });
});
