import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { createServer } from "node:https";
import { after, before, describe, it, test } from "node:test";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { isErrorCode } from "../../../src/errors/errors.ts";
import { type Generator, type LoadPlan, startGenerator } from "../../../src/tune/load/generator.ts";
import { parsePath, readScenario, type Scenario } from "../../../src/tune/scenario/scenario.ts";
import { treeCpuSeconds } from "../../../src/tune/probe/process-tree.ts";
import { makeCertificate, tempFolder } from "../../server/arbiter/support.ts";
import { http, listen, raw } from "./servers.ts";

const scenario: Scenario = { requests: [parsePath("/")], setup: [] };
const SHORT = { scenario, warmUpSeconds: 0.1, seconds: 0.4 } as const;

function hasCode(code: string): (error: unknown) => boolean {
  assert.ok(isErrorCode(code));
  return (error) => (error as { readonly code?: string }).code === code;
}

describe("the load generator", () => {
  let generator: Generator;
  before(async () => {
    generator = await startGenerator();
  });
  after(() => generator.close());

  it("measures a closed loop, with the server's CPU time at both ends of the window", async () => {
    const target = await http((_request, response) => void setTimeout(() => response.end("ok"), 5));
    const readings = [3, 3.5, 9];
    const plan: LoadPlan = { ...SHORT, target, loop: { concurrency: 4 }, repetition: 2 };
    const sample = await generator.run({ ...plan, serverCpuSeconds: () => readings.shift()! });
    assert.equal(sample.concurrency, 4);
    assert.equal(sample.repetition, 2);
    assert.equal(sample.seconds, 0.4);
    assert.equal(sample.askedRate, undefined);
    assert.equal(sample.serverCpuSeconds, 0.5);
    assert.equal(sample.errors, 0);
    assert.ok(sample.answers > 4);
    const { meanMs, p50Ms, p95Ms, p99Ms, maxMs } = sample.latency;
    assert.ok(p50Ms >= 4 && p50Ms <= p95Ms && p95Ms <= p99Ms && p99Ms <= maxMs && meanMs <= maxMs);
    assert.equal(
      sample.histogram.reduce((sum, [, count]) => sum + count, 0),
      sample.answers,
    );
    assert.ok(sample.generatorUtilization >= 0 && sample.generatorUtilization <= 1);
  });

  it("refuses a plan that it could never end, or that has no meaning, and takes the next one", async () => {
    const target = await http((_request, response) => response.end("ok"));
    const plan: LoadPlan = { ...SHORT, target, loop: { concurrency: 1 } };
    const [request] = scenario.requests;
    const refused: readonly (readonly [change: Partial<LoadPlan>, message: RegExp])[] = [
      ...[-5, 0, Number.NaN, Infinity, 1e12].map(
        (rate) => [{ loop: { rate } }, /^loop\.rate is .*finite number/] as const,
      ),
      ...[-1, 0, 1.5, Number.NaN].map(
        (concurrency) => [{ loop: { concurrency } }, /^loop\.concurrency is .*a whole number, at least 1/] as const,
      ),
      [{ loop: {} as never }, /^loop\.rate is undefined/],
      [{ loop: { rate: 50, maxConnections: 0 } }, /^loop\.maxConnections is 0/],
      [{ seconds: 0 }, /^seconds is 0/],
      [{ warmUpSeconds: -1 }, /^warmUpSeconds is -1/],
      [{ timeoutMs: Number.NaN }, /^timeoutMs is NaN/],
      [{ timeoutMs: 2 ** 31 }, /^timeoutMs is 2147483648.*at most/],
      [{ seconds: 1e9 }, /^seconds is 1000000000.*at most/],
      [{ warmUpSeconds: 1e9 }, /^warmUpSeconds is 1000000000.*at most/],
      [{ scenario: { requests: [], setup: [] } }, /^scenario\.requests is \[\]/],
      [{ scenario: { requests: [{ ...request!, weight: 0 }], setup: [] } }, /^scenario\.requests\[0\]\.weight is 0/],
      [{ target: { host: "127.0.0.1", port: 70_000 } }, /^target\.port is 70000/],
    ];
    for (const [change, message] of refused) {
      await assert.rejects(generator.run({ ...plan, ...change }), { code: "TUNE_INPUT", message });
    }
    assert.ok((await generator.run(plan)).answers > 0);
  });

  it("measures an open loop at the asked rate", async () => {
    const target = await http((_request, response) => response.end("ok"));
    const sample = await generator.run({ ...SHORT, target, loop: { rate: 100 } });
    assert.equal(sample.askedRate, 100);
    assert.equal(sample.answers, 40);
    assert.equal(sample.errors, 0);
  });

  it("leaves out a sample of answers that were not expected", async () => {
    const target = await http((_request, response) => response.writeHead(404).end());
    const sample = await generator.run({ ...SHORT, target, loop: { concurrency: 2 } });
    assert.equal(sample.leftOut, "errors");
    assert.equal(sample.answers, 0);
    assert.deepEqual(Object.keys(sample.errorsByCause), ["404"]);
    const expected = readScenario({ requests: [{ path: "/", expect: [404] }] });
    const good = await generator.run({ ...SHORT, target, scenario: expected, loop: { concurrency: 2 } });
    assert.equal(good.errors, 0);
    assert.ok(good.answers > 0);
  });

  it("leaves out a sample of less than the asked rate", async () => {
    const target = await http((_request, response) => void setTimeout(() => response.end("ok"), 50));
    const sample = await generator.run({ ...SHORT, target, loop: { rate: 200, maxConnections: 2 } });
    assert.equal(sample.leftOut, "rate");
    assert.ok(sample.throughput < 150);
  });

  it("sends setup requests first, and what they captured afterwards", async () => {
    const seen = new Set<string>();
    const target = await http((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const { method, url, headers } = request;
        const { authorization = "", cookie = "", "x-csrf": csrf = "" } = headers;
        seen.add([method, url, authorization, cookie, csrf, body].join(" "));
        response.setHeader("x-csrf", "c3").setHeader("set-cookie", ["sid=; Max-Age=0", "other=1", "sid=s2; HttpOnly"]);
        response.end(JSON.stringify({ id: 1, $id: 9, data: { token: "t1", items: [{ id: 7 }] } }));
      });
    });
    const login = {
      method: "POST",
      path: "/login",
      body: { user: "a" },
      capture: {
        token: "json:data.token",
        id: "json:$.data.items[0].id",
        ref: "json:$id",
        sid: "cookie:sid",
        csrf: "header:X-CSRF",
      },
    };
    const headers = { authorization: "Bearer {{token}}", cookie: "sid={{sid}}", "x-csrf": "{{csrf}}" };
    const requests = [{ method: "PUT", path: "/items/{{id}}", headers, body: { item: "{{id}} {{ref}}" } }];
    const plan = { ...SHORT, target, scenario: readScenario({ setup: [login], requests }) };
    const sample = await generator.run({ ...plan, loop: { concurrency: 1 } });
    assert.equal(sample.errors, 0);
    assert.deepEqual([...seen], [`POST /login    {"user":"a"}`, `PUT /items/7 Bearer t1 sid=s2 c3 {"item":"7 9"}`]);
  });

  it("sends no setup requests if it is given what they have captured", async () => {
    const seen = new Set<string>();
    const target = await http(({ url, headers }, response) => {
      seen.add(`${url} ${headers.authorization}`);
      response.end("ok");
    });
    const setup = [{ path: "/login", capture: { token: "json:token" } }];
    const ready = readScenario({ headers: { authorization: "Bearer {{token}}" }, setup, requests: ["/"] });
    const captured = { token: "t9" };
    const sample = await generator.run({ ...SHORT, target, scenario: ready, captured, loop: { concurrency: 1 } });
    assert.equal(sample.errors, 0);
    assert.deepEqual([...seen], ["/ Bearer t9"]);
  });

  it("captures from an answer that is compressed", async () => {
    const seen = new Set<string | undefined>();
    const codings = { "/gzip": gzipSync, "/br": brotliCompressSync, "/zstd": zstdCompressSync };
    const target = await http(({ url, headers }, response) => {
      const compress = codings[url as keyof typeof codings];
      if (compress === undefined) {
        seen.add(headers.authorization);
        response.end("ok");
        return;
      }
      response.setHeader("content-encoding", url!.slice(1)).end(compress(`{"token":"tökén of ${url}"}`));
    });
    for (const path of Object.keys(codings)) {
      const setup = [{ path, capture: { token: "json:token" } }];
      const ready = readScenario({
        headers: { authorization: "{{token}}", "accept-encoding": "gzip, br, zstd" },
        setup,
        requests: ["/"],
      });
      await generator.run({ ...SHORT, target, scenario: ready, loop: { concurrency: 1 } });
    }
    assert.deepEqual(
      [...seen].map((token) => Buffer.from(token!, "latin1").toString()),
      Object.keys(codings).map((path) => `tökén of ${path}`),
    );
  });

  it("refuses to begin when a setup request fails, or has not what is captured", async () => {
    const target = await http((_request, response) => response.writeHead(401).end("who are you?"));
    const setup = [{ path: "/login" }];
    const plan = { ...SHORT, target, loop: { concurrency: 1 } };
    const failing = generator.run({ ...plan, scenario: readScenario({ setup, requests: ["/"] }) });
    await assert.rejects(failing, /GET \/login was answered 401: who are you\?/);
    const capturing = [{ path: "/login", expect: 401, capture: { token: "json:token" } }];
    const missing = generator.run({ ...plan, scenario: readScenario({ setup: capturing, requests: ["/"] }) });
    await assert.rejects(missing, (error: Error) => {
      assert.match(error.message, /no JSON value token in its answer, which is captured as token/);
      return hasCode("TUNE_SETUP_FAILED")(error);
    });
  });

  it("speaks TLS, also to a certificate that only this machine trusts", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "localhost");
    const options = { cert: readFileSync(cert), key: readFileSync(key) };
    const target = await listen(createServer(options, (_request, response) => response.end("ok")));
    const plan = { ...SHORT, seconds: 1, target: { ...target, tls: true } };
    const sample = await generator.run({ ...plan, loop: { concurrency: 2 } });
    assert.ok(sample.answers > 0);
    assert.equal(sample.errors, 0);
  });

  it("offers HTTP/1.1 in the handshake of TLS: a server of HTTP/2 alone refuses that, and answers nothing", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "localhost");
    const options = { cert: readFileSync(cert), key: readFileSync(key) };
    const server = createSecureServer(options, (_request, response) => void response.end("ok"));
    const target = await listen(server);
    const sample = await generator.run({ ...SHORT, target: { ...target, tls: true }, loop: { concurrency: 1 } });
    assert.equal(sample.answers, 0);
    assert.deepEqual(Object.keys(sample.errorsByCause), ["tls"]);
  });

  it("tells of a server that ends connections under requests, although it sends those again", async () => {
    let requests = 0;
    const target = await raw((socket) => {
      if (++requests % 5 === 0) socket.destroy();
      else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    for (const loop of [{ concurrency: 2 }, { rate: 100 }]) {
      const { errors, errorsByCause, answers, leftOut } = await generator.run({ ...SHORT, seconds: 1, target, loop });
      assert.equal(leftOut, "errors");
      assert.deepEqual(errorsByCause, { reset: errors });
      assert.ok(errors > answers / 10, `${errors} beside ${answers}`);
    }
  });

  it("stops at once when it is told to, and can run again", async () => {
    let requests = 0;
    const stop = new AbortController();
    const target = await raw((socket) => {
      if (++requests === 2) stop.abort(new Error("enough"));
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    const plan = { ...SHORT, target, loop: { concurrency: 1 } };
    await assert.rejects(generator.run({ ...plan, seconds: 3600 }, stop.signal), /enough/);
    assert.ok((await generator.run(plan)).answers > 0);
  });

  it("does one run at a time", async () => {
    const target = await http((_request, response) => response.end("ok"));
    const plan = { ...SHORT, target, loop: { concurrency: 1 } };
    const first = generator.run(plan);
    await assert.rejects(generator.run(plan), hasCode("TUNE_GENERATOR_FAILED"));
    assert.ok((await first).answers > 0);
  });

  it("knows its own ceiling", async () => {
    const { ceiling, coLocated } = await generator.audit();
    assert.ok(ceiling > 500, String(ceiling));
    assert.equal(coLocated, generator.cpu === undefined);
  });
});

test("a load generator that can't be pinned to its core leaves the others to the server, and sleeps between its sends", async (t) => {
  await assert.rejects(startGenerator({ cpu: 0.5 }), { code: "TUNE_INPUT", message: /cpu is 0\.5/ });
  const unpinned = await startGenerator({ cpu: 8191 });
  t.after(() => unpinned.close());
  assert.equal(unpinned.cpu, undefined);
  const target = await http((_request, response) => response.end("ok"));
  const usedBefore = treeCpuSeconds(unpinned.pid) ?? 0;
  const { answers } = await unpinned.run({ ...SHORT, seconds: 2, target, loop: { rate: 450 } });
  assert.ok(answers > 0);
  const used = (treeCpuSeconds(unpinned.pid) ?? 0) - usedBefore;
  assert.ok(used < 1, `${used} s of CPU time in 2 s`);
});

describe("the load generator's process", () => {
  it("is told of when it dies in a run", async () => {
    const generator = await startGenerator();
    const target = await raw(() => process.kill(generator.pid, "SIGKILL"));
    const running = generator.run({ ...SHORT, target, loop: { concurrency: 1 }, seconds: 3600 });
    await assert.rejects(running, (error: Error) => {
      assert.match(error.message, /SIGKILL/);
      return hasCode("TUNE_GENERATOR_FAILED")(error);
    });
    await generator.close();
  });

  it("ends with the process that started it, however that ends", async () => {
    const url = new URL("../../../src/tune/load/generator.ts", import.meta.url).href;
    const source = `const { pid } = await (await import(${JSON.stringify(url)})).startGenerator(); console.log(pid);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", source], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [chunk] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(chunk.toString());
    assert.ok(isAlive(pid));
    parent.kill("SIGKILL");
    await once(parent, "exit");
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}
