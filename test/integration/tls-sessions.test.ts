/** Returning clients resume their TLS session, whichever worker and thread they get. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { type LifeServer, makeCertificate, serve, tempFolder, until, workersOf } from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

type Version = "TLSv1.2" | "TLSv1.3";

const versions: readonly Version[] = ["TLSv1.2", "TLSv1.3"];
const app = fileURLToPath(new URL("../fixtures/life/gated.ts", import.meta.url));
/** Over two workers of two threads. */
const CONNECTIONS = 12;

interface Visit {
  readonly reused: boolean;
  readonly place: string;
  /**
   * What the server gave for the next visit: under TLS 1.3 it comes after the handshake, under TLS 1.2 a resumed one has
   * none.
   */
  readonly session: Buffer | undefined;
}

/** One connection with one request. Its answer is checked: a session that resumes and then says nothing is none. */
async function visit(port: number, version: Version, session?: Buffer): Promise<Visit> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(session === undefined ? {} : { session }),
  });
  let given: Buffer | undefined;
  socket.on("session", (next: Buffer) => (given = next));
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await once(socket, "secureConnect");
  const reused = socket.isSessionReused();
  socket.write("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  await once(socket, "close");
  assert.match(text, /^HTTP\/1\.1 200 /);
  const place = `${/x-heddle-worker: (\d+)/.exec(text)![1]}/${/x-heddle-thread: (\d+)/.exec(text)![1]}`;
  return { reused, place, session: given };
}

async function newSession(port: number, version: Version): Promise<Buffer> {
  const { reused, session } = await visit(port, version);
  assert.equal(reused, false);
  assert.ok(session !== undefined, "the server gives tickets");
  return session;
}

/** At once, so that they are spread. */
async function visitAll(port: number, version: Version, session: Buffer): Promise<{ reused: number; places: number }> {
  const visits = await Promise.all(Array.from({ length: CONNECTIONS }, () => visit(port, version, session)));
  return {
    reused: visits.filter(({ reused }) => reused).length,
    places: new Set(visits.map(({ place }) => place)).size,
  };
}

async function serveTls(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<LifeServer> {
  const { cert, key } = makeCertificate(tempFolder(t), "localhost");
  return await serve(t, app, ["--tls-cert", cert, "--tls-key", key, "--debug-headers", ...args], { env });
}

/** Kills one of the workers; resolves when it is known to be gone. */
async function killWorker(server: LifeServer): Promise<void> {
  const [pid] = workersOf(server.pid);
  process.kill(pid!, "SIGKILL");
  await server.waitForStatus(({ workers }) => workers.every((worker) => worker.pid !== pid));
}

/** Ends one of the threads; resolves when it is known to be gone. */
async function endThread(server: LifeServer): Promise<void> {
  const restarts = async (): Promise<number> => (await server.status()).workers[0]!.threadRestarts;
  const before = await restarts();
  const socket = connect({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  socket.write("GET /exit HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  socket.resume();
  await once(socket, "close");
  await until(async () => (await restarts()) > before, "the thread to be gone");
}

/** Resolves after a rotation to a time before it. */
async function nextRotation(server: LifeServer): Promise<number> {
  const session = await newSession(server.port, "TLSv1.3");
  let beforeMs = performance.now();
  await until(async () => {
    const lookMs = performance.now();
    if (!(await visit(server.port, "TLSv1.3", session)).reused) return true;
    beforeMs = lookMs;
    return false;
  }, "a rotation");
  return beforeMs;
}

describe("a TLS session", { concurrency: 2 }, () => {
  for (const shape of [
    ["-w", "2", "-t", "2"],
    ["-w", "1", "-t", "4"],
    ["-w", "2", "-t", "2", "--accept", "shared"],
    ["-w", "4", "--model", "sync"],
  ]) {
    test(`resumes on every worker and thread (${shape.join(" ")})`, async (t) => {
      const server = await serveTls(t, shape);
      for (const version of versions) {
        const session = await newSession(server.port, version);
        const { reused, places } = await visitAll(server.port, version, session);
        assert.equal(reused, CONNECTIONS, version);
        if (!shape.includes("shared")) assert.ok(places > 1, "one place proves nothing");
      }
    });
  }

  test("resumes after a reload, and on the worker that replaces one that was killed", async (t) => {
    const server = await serveTls(t, ["-w", "2", "-t", "2"]);
    for (const version of versions) {
      const session = await newSession(server.port, version);
      assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
      assert.equal((await visitAll(server.port, version, session)).reused, CONNECTIONS, `${version}, reloaded`);
      await killWorker(server);
      await server.waitForStatus(
        ({ workers }) => workers.length === 2 && workers.every(({ threads }) => threads.length === 2),
      );
      assert.equal((await visitAll(server.port, version, session)).reused, CONNECTIONS, `${version}, killed`);
    }
  });

  for (const version of versions) {
    test(`of an earlier key makes way for a new one, which resumes everywhere (${version})`, async (t) => {
      const server = await serveTls(t, ["-w", "2", "-t", "2", "--tls-ticket-rotation", "2s"]);
      const first = await newSession(server.port, version);
      await until(async () => !(await visit(server.port, version, first)).reused, "the first key to go");
      // A rotation may come in between.
      await until(async () => {
        const session = await newSession(server.port, version);
        return (await visitAll(server.port, version, session)).reused === CONNECTIONS;
      }, "a session of the new key that resumes everywhere");
    });
  }

  for (const [what, end, shape] of [
    ["worker", killWorker, { workers: 2, threads: 1 }],
    ["thread", endThread, { workers: 1, threads: 2 }],
  ] as const) {
    for (const when of ["before", "while"] as const) {
      test(`of a later key resumes on a ${what} whose place was empty ${when} the key came`, async (t) => {
        // Longer each time: on a busy machine a replacement takes its time.
        let periodMs = 2500;
        const attempt = async (): Promise<boolean> => {
          periodMs *= 2;
          const gate = join(tempFolder(t), "closed");
          const args = ["-w", `${shape.workers}`, "-t", `${shape.threads}`, "--tls-ticket-rotation", `${periodMs}ms`];
          await using server = await serveTls(t, args, { GATE: gate });
          if (when === "while") {
            writeFileSync(gate, "");
            await end(server);
          }
          const rotatedAfterMs = await nextRotation(server);
          if (when === "while") rmSync(gate);
          else await end(server);
          await server.waitForStatus(
            ({ workers }) =>
              workers.length === shape.workers &&
              workers.every(
                ({ threads }) => threads.length === shape.threads && threads.every(({ state }) => state === "ready"),
              ),
          );
          const { reused, places } = await visitAll(server.port, "TLSv1.3", await newSession(server.port, "TLSv1.3"));
          // It shows something only if it was over before the next rotation, and the new one had a part in it.
          if (performance.now() > rotatedAfterMs + periodMs || places < 2) return false;
          assert.equal(reused, CONNECTIONS);
          return true;
        };
        await until(attempt, "a replacement within one rotation", 240_000);
      });
    }
  }

  test("does not survive the server: its key is nowhere but in memory", async (t) => {
    const first = await serveTls(t, ["-w", "1", "-t", "1"]);
    const session = await newSession(first.port, "TLSv1.3");
    await first.stop();
    const second = await serveTls(t, ["-w", "1", "-t", "1"]);
    assert.equal((await visit(second.port, "TLSv1.3", session)).reused, false);
  });

  test("keeps its key across a reload that changes how often there is another", async (t) => {
    const folder = tempFolder(t);
    const { cert, key } = makeCertificate(folder, "localhost");
    const config = join(folder, "heddle.config.ts");
    const write = (rotation: string): void =>
      writeFileSync(
        config,
        `export default ${JSON.stringify({ tlsCert: cert, tlsKey: key, tlsTicketRotation: rotation })};\n`,
      );
    write("0");
    const server = await serve(t, app, ["--config", config, "-w", "2", "-t", "1", "--debug-headers"]);
    const session = await newSession(server.port, "TLSv1.3");
    write("100ms");
    assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
    await until(async () => !(await visit(server.port, "TLSv1.3", session)).reused, "the key to go");
    write("0");
    assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
    const later = await newSession(server.port, "TLSv1.3");
    assert.equal((await visitAll(server.port, "TLSv1.3", later)).reused, CONNECTIONS);
    rmSync(config);
  });
});
