/** Sticky clients while a copy can't accept, and while the server stops. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isAlive, lifeApp, type LifeServer, serve, until } from "../server/arbiter/support.ts";
import { hasFfi } from "../support/ffi.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { COOKIE, twoCopies } from "../support/sticky-copies.ts";

const app = fileURLToPath(new URL("../fixtures/sticky/app.ts", import.meta.url));
const shape = ["-w", "2", "-t", "1", "--sticky", "cookie", "--keep-alive", "5m", "--timeout", "0"];
/** More than the backlog of a copy's socket for the others holds. */
const CROWD = 600;
type Found = readonly [worker: string, { readonly connection: RawConnection; readonly cookie: string }];
/** More than a worker needs for itself. */
const DESCRIPTORS = 90;
// What the kernel says of a full backlog, and which descriptors are free, is that of Linux.
const skip = process.platform !== "linux";

describe("sticky clients", { concurrency: 2 }, () => {
  test("stay with their copy, however many of them wait for it", { skip }, async (t) => {
    const server = await serve(t, app, [...shape, "--heartbeat-timeout", "0"]);
    const [a, b] = await twoCopies(t, server.port);
    process.kill(b.pid, "SIGSTOP");
    try {
      const crowd: RawConnection[] = [];
      t.after(() => crowd.forEach((client) => client.destroy()));
      // Some of them may have come to the stopped copy itself.
      while ((await server.status()).counters.forwarded < CROWD) {
        const more = await Promise.all(Array.from({ length: CROWD / 2 }, () => RawConnection.open(server.port)));
        for (const client of more) client.request("GET / HTTP/1.1", [b.cookie]);
        crowd.push(...more);
        assert.ok(crowd.length < 5 * CROWD, "they are forwarded");
      }
      process.kill(b.pid, "SIGCONT");
      const copies = await Promise.all(crowd.map(async (client) => (await client.response()).headers["x-copy"]));
      assert.deepEqual(new Set(copies), new Set([b.name]));
    } finally {
      process.kill(b.pid, "SIGCONT");
    }
    const { headers } = await a.connection.request("GET / HTTP/1.1", [b.cookie]).response();
    assert.equal(headers["x-copy"], b.name);
  });

  test("return to their copy when it has descriptors again", { skip: skip || !hasFfi }, async (t) => {
    const server = await serve(t, lifeApp, shape, { descriptors: DESCRIPTORS });
    const found = new Map<Found[0], Found[1]>();
    await until(async () => {
      const connection = await RawConnection.open(server.port);
      t.after(() => connection.destroy());
      const { headers } = await connection.request("GET / HTTP/1.1").response();
      const cookie = `cookie: heddle_instance=${COOKIE.exec(headers["set-cookie"]!)![1]}`;
      found.set(headers["x-worker"]!, { connection, cookie });
      return found.size === 2;
    }, "both copies to answer");
    const [[, a], [worker, b]] = [...found] as unknown as readonly [Found, Found];
    const whoAnswers = async (connection: RawConnection): Promise<string | undefined> =>
      (await connection.request("GET / HTTP/1.1", [b.cookie]).response()).headers["x-worker"];
    await until(async () => {
      await b.connection.request("GET /take-descriptors HTTP/1.1").response();
      // A new one: what has reached the copy once is used again. The copy itself may cut it.
      await using connection = await RawConnection.open(server.port);
      const answering = await whoAnswers(connection).catch(() => undefined);
      return answering !== undefined && answering !== worker;
    }, "the copy to accept nothing");
    await b.connection.request("GET /give-descriptors HTTP/1.1").response();
    await until(async () => (await whoAnswers(a.connection)) === worker, "the copy to answer");
  });

  test("stay with their copy during a stop delay, although a reload was given up", async (t) => {
    const { server, copies } = await until(async () => {
      const server = await serve(t, app, [...shape, "--heartbeat-timeout", "0", "--stop-delay", "10m"]);
      const copies = await twoCopies(t, server.port);
      const { pid } = copies[1];
      // The new workers do not serve before it has heard of them, for three seconds.
      process.kill(pid, "SIGSTOP");
      server.signal("SIGHUP");
      await server.waitForLog(/generation 2: ready/);
      server.signal("SIGTERM");
      await server.waitForLog(/serving for 600000 ms more/);
      process.kill(pid, "SIGCONT");
      if (!server.output(0).includes("generation 2: serving")) return { server, copies };
      await endNow(server);
      return undefined;
    }, "a stop before the new workers serve");
    await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 1));
    const [a, b] = copies;
    const copy = async (): Promise<string | undefined> =>
      (await a.connection.request("GET / HTTP/1.1", [b.cookie]).response()).headers["x-copy"];
    await until(async () => (await copy()) === b.name, "the copy to answer");
    await endNow(server);
  });

  test("are led to a thread that replaces another", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "-t", "2", "--sticky", "cookie"]);
    /** The instance that the answer's cookie names. undefined: the client has it already. */
    const given = async (path: string, instance?: string): Promise<string | undefined> => {
      const headers = instance === undefined ? [] : [`cookie: heddle_instance=${instance}`];
      await using connection = await RawConnection.open(server.port);
      const response = await connection.request(`GET ${path} HTTP/1.1`, headers).response();
      return COOKIE.exec(response.headers["set-cookie"] ?? "")?.[1];
    };
    const old = (await given("/"))!;
    const seat = old.slice(0, old.lastIndexOf(".") + 1);
    assert.equal(await given("/throw-later", old), undefined);
    const next = await until(async () => {
      const name = await given("/");
      return name !== old && name?.startsWith(seat) === true ? name : undefined;
    }, "the new thread to serve");
    for (let i = 0; i < 20; i++) assert.equal(await given("/", next), undefined);
    await until(async () => (await given("/", old)) !== undefined, "the old thread to have left");
  });
});

/** It does not wait for the stop delay. */
async function endNow(server: LifeServer): Promise<void> {
  await until(() => {
    server.signal("SIGINT");
    return !isAlive(server.pid);
  }, "the server to end");
}
