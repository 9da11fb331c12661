/** Several requests on one connection, sent without waiting: all are answered, in order, however the connection ends. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Clock, inTime } from "../support/in-time.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/http/pipelined.ts", import.meta.url));
const gated = fileURLToPath(new URL("../fixtures/http/gated.ts", import.meta.url));

/** Models whose connections take more than one request. */
for (const model of ["loop", "threads", "thread-per-request", "tasks", "actors"] as const) {
  describe(`pipelined requests under ${model}`, () => {
    let server: TestServer;
    let ids = 0;
    before(async () => {
      server = await startServer(app, ["-m", model, "-t", "3", "--limit-keep-alive", "5", "--limit-body", "1KiB"]);
    });
    after(() => server.stop());

    const get = (path: string, ...headers: string[]): string =>
      [`GET ${path} HTTP/1.1`, "host: test", ...headers, "", ""].join("\r\n");
    const post = (path: string, body: string, ...headers: string[]): string =>
      [`POST ${path} HTTP/1.1`, "host: test", `content-length: ${body.length}`, ...headers, "", body].join("\r\n");

    async function answers(requests: string): Promise<string[]> {
      await using client = await RawConnection.open(server.port);
      client.write(requests);
      const seen: string[] = [];
      const rest = await client.rest();
      for (const answer of rest.split(/(?=HTTP\/1\.1 \d{3} )/)) {
        const [head, body] = answer.split("\r\n\r\n") as [string, string];
        seen.push(`${head.slice(9, 12)} ${/^connection: close/im.test(head) ? "last" : "more"} ${body.trim()}`);
      }
      return seen;
    }

    test("the limit of requests on a connection loses none of those before it", async () => {
      const five = [0, 1, 2, 3, 4].map((id) => get(`/?id=${id}`)).join("");
      const expected = [0, 1, 2, 3].map((id) => `200 more GET ${id} 0`);
      assert.deepEqual(await answers(five), [...expected, "200 last GET 4 0"]);
    });

    const ends: [name: string, last: string, answer: string][] = [
      ["a request with connection: close", get("/?id=z", "connection: close"), "200 last GET z 0"],
      ["an answer with connection: close", get("/close?id=z"), "200 last GET z 0"],
      [
        "a body that is too large",
        `POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 99999\r\n\r\n`,
        "413 last 413 Payload Too Large",
      ],
      ["a request that is not HTTP", "nonsense\r\n\r\n", "400 last 400 Bad Request"],
      ["a request with two hosts", get("/?id=z", "host: other"), "400 last 400 Bad Request"],
      [
        "an unknown transfer coding",
        "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        "501 last 501 Not Implemented",
      ],
      ["a request of HTTP/1.0", "GET /?id=z HTTP/1.0\r\n\r\n", "200 last GET z 0"],
      ["an expectation that nobody knows", get("/?id=z", "expect: 200-maybe"), "417 last 417 Expectation Failed"],
      [
        "such an expectation before a body that breaks off",
        `${post("/?id=z", "", "expect: 200-maybe").replace("h: 0", "h: 9")}bod`,
        "417 last 417 Expectation Failed",
      ],
      [
        "such an expectation before chunks that break off",
        "POST / HTTP/1.1\r\nhost: test\r\nexpect: 200-maybe\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbod",
        "417 last 417 Expectation Failed",
      ],
    ];
    for (const [name, last, answer] of ends) {
      test(`${name} loses none of those before it`, async () => {
        const requests = get("/?id=a&ms=60") + get("/?id=b&ms=20") + last;
        assert.deepEqual(await answers(requests), ["200 more GET a 0", "200 more GET b 0", answer]);
      });
    }

    for (const [name, last, answer] of ends) {
      for (const [behind, bytes] of [
        ["another request", get("/?id=y")],
        ["another expectation", get("/?id=y", "expect: 200-maybe")],
        ["what is no HTTP", "nonsense\r\n\r\n"],
        ["the end of the client's side", undefined],
      ] as const) {
        test(`${name} gets the last answer, whatever comes behind it: ${behind}`, () =>
          inTime(async ({ sendLast }) => {
            await using client = await RawConnection.open(server.port);
            const requests = get("/?id=a&ms=60") + last;
            if (bytes === undefined) sendLast(client, requests);
            else client.write(requests + bytes);
            const rest = await client.rest();
            assert.deepEqual(rest.match(/HTTP\/1\.1 \d{3}/g), ["HTTP/1.1 200", `HTTP/1.1 ${answer.slice(0, 3)}`]);
          }));
      }
    }

    test("a handler that fails loses neither those before it nor those after it", async () => {
      const requests = get("/?id=a&ms=40") + get("/fail?id=b") + get("/?id=c", "connection: close");
      assert.deepEqual(await answers(requests), [
        "200 more GET a 0",
        "500 more 500 Internal Server Error",
        "200 last GET c 0",
      ]);
    });

    test("those with unsafe methods begin when all before them are answered, and hold back all after them", async () => {
      const id = ++ids;
      const mark = server.mark();
      const requests =
        get(`/?id=${id}a&ms=50`) +
        post(`/?id=${id}b&ms=50`, "body") +
        post(`/?id=${id}c&ms=20`, "bodies") +
        get(`/?id=${id}d`, "connection: close");
      assert.deepEqual(await answers(requests), [
        `200 more GET ${id}a 0`,
        `200 more POST ${id}b 4`,
        `200 more POST ${id}c 6`,
        `200 last GET ${id}d 0`,
      ]);
      for (const who of "abcd") await server.waitForLog(new RegExp(`end ${id}${who}`), mark);
      // Lines of different threads may come in another order than they were written.
      const order = [...server.output(mark).matchAll(/^(begin \S+|end) \d+([a-d]) (\d+)$/gm)]
        .toSorted(([, , , one], [, , , other]) => Number(BigInt(one!) - BigInt(other!)))
        .map(([, what, who]) => `${what} ${who}`);
      assert.deepEqual(order, [
        "begin GET a",
        "end a",
        "begin POST b",
        "end b",
        "begin POST c",
        "end c",
        "begin GET d",
        "end d",
      ]);
    });

    test("a client that leaves is not served any further", async () => {
      const id = ++ids;
      await using client = await RawConnection.open(server.port);
      const mark = server.mark();
      // Longer than it takes to leave, also on a busy machine.
      client.write(post(`/?id=${id}a&ms=60000`, "x") + post(`/?id=${id}b`, "x"));
      await server.waitForLog(new RegExp(`begin POST ${id}a`), mark);
      client.socket.resetAndDestroy();
      await server.waitForLog(new RegExp(`close ${id}a`), mark);
      const answer = await fetch(`${server.url}/?id=after`);
      assert.equal(await answer.text(), "GET after 0");
      assert.doesNotMatch(server.output(mark), new RegExp(`begin POST ${id}b`));
    });

    for (const path of ["/half", "/destroy"]) {
      test(`an answer that breaks off before its turn (${path}) ends the connection behind those before it`, async () => {
        await using client = await RawConnection.open(server.port);
        client.write(get("/?id=a&ms=150") + get(`${path}?id=b`) + post("/?id=c", "body"));
        assert.equal((await client.response()).body, "GET a 0");
        assert.ok(!(await client.rest()).includes("\r\n0\r\n\r\n"));
      });
    }

    test("hints before the answer's turn come before its head, and behind the answers before it", async () => {
      await using client = await RawConnection.open(server.port);
      client.write(get("/?id=a&ms=100") + get("/hints?id=b&ms=400"));
      assert.equal((await client.response()).body, "GET a 0");
      assert.equal((await client.response()).status, 103);
      assert.equal((await client.response()).body, "early GET b 0");
    });

    test("leave to send a body comes before the answer's head, and behind the answers before it", async () => {
      await using client = await RawConnection.open(server.port);
      const asks = ["expect: 100-continue", "content-length: 4"];
      client.write(get("/?id=a&ms=100") + get("/early?id=b", ...asks));
      assert.equal((await client.response()).body, "GET a 0");
      assert.equal((await client.response()).status, 100);
      client.write("body");
      assert.equal((await client.response()).body, "early GET b 4");
    });

    const broken: [name: string, bytes: string][] = [
      ["in a request's head", "GET /?id=b HT"],
      ["behind what is no HTTP", "nonsense\r\n\r\n"],
      ["in a request's body", post("/?id=b", "body").slice(0, -2)],
    ];
    for (const [name, bytes] of broken) {
      test(`a client that ends its side ${name} gets the answers before it`, () =>
        inTime(async ({ sendLast }) => {
          await using client = await RawConnection.open(server.port);
          sendLast(client, get("/?id=a&ms=80") + bytes);
          assert.equal((await client.response()).body, "GET a 0");
          assert.equal((await client.response()).status, 400);
          await client.ended();
        }));
    }

    const lasts: [name: string, request: string, body: string][] = [
      [
        "of an answer that ends with the connection",
        get("/quiet?id=a&pause=40").replace("HTTP/1.1", "HTTP/1.0\r\nconnection: keep-alive"),
        "begunGET a 0",
      ],
      ["of an answer that the app has end the connection", get("/close?id=a&ms=40"), "GET a 0"],
      ["of an answer shorter than its length", get("/short?id=a&ms=40"), "short"],
      ["of an answer longer than its length", get("/long?id=a&ms=40"), "long"],
    ];
    for (const [name, request, body] of lasts) {
      test(`nothing is sent behind the end ${name}, whatever came behind its request`, async () => {
        for (const bytes of ["nonsense\r\n\r\n", get("/", "host: other"), get("/?id=b")]) {
          await using client = await RawConnection.open(server.port);
          client.write(request + bytes);
          const { status } = await client.head();
          assert.equal(status, 200);
          assert.equal(await client.rest(), body);
          assert.equal(client.error, undefined);
        }
      });
    }

    for (const [what, last] of [
      ["behind a refused request", get("/", "host: other")],
      [
        "behind a body that is not HTTP",
        "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
      ],
      ["in the head of its next request", "GET / HTTP/1.1\r\nho"],
    ] as const) {
      test(`a client that ends its side ${what}, long behind the one before, gets the answers`, () =>
        inTime(async ({ sendLast }) => {
          const id = ++ids;
          await using client = await RawConnection.open(server.port);
          const mark = server.mark();
          client.write(get(`/?id=${id}&ms=400`));
          await server.waitForLog(new RegExp(`begin GET ${id}`), mark);
          await (await fetch(`${server.url}/?id=between&ms=60`)).text();
          sendLast(client, last);
          assert.equal((await client.response()).body, `GET ${id} 0`);
          assert.match(`${(await client.response()).status}`, /^4(?:00|13)$/);
        }));
    }

    test("a client that leaves in the middle of an answer without a length is reset: it must not look complete", async () => {
      await using client = await RawConnection.open(server.port);
      client.write(get("/quiet?id=a&pause=60000").replace("HTTP/1.1", "HTTP/1.0"));
      assert.equal((await client.head()).status, 200);
      // Long behind its request.
      await new Promise((resolve) => setTimeout(resolve, 300));
      client.socket.end();
      await client.rest().catch(() => {});
      assert.equal(client.error?.code, "ECONNRESET");
    });

    test("a client that ends its side behind its requests is answered", async () => {
      for (const ms of [0, 300])
        await inTime(async ({ sendLast }) => {
          await using client = await RawConnection.open(server.port);
          sendLast(client, get(`/?id=a&ms=${ms}`) + post(`/?id=b&ms=${ms}`, "body"));
          assert.equal((await client.response()).body, "GET a 0");
          assert.equal((await client.response()).body, "POST b 4");
          await client.ended();
        });
    });
  });

  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    test(`${signal} loses no pipelined request under ${model}`, async () => {
      await using server = await startServer(app, ["-m", model, "-t", "3"]);
      await using client = await RawConnection.open(server.port);
      const requests = ["a&ms=300", "b&ms=50", "c"].map((id) => `GET /?id=${id} HTTP/1.1\r\nhost: test\r\n\r\n`);
      client.write(requests.join(""));
      await server.waitForLog(/begin GET c/);
      server.signal(signal);
      for (const id of ["a", "b", "c"]) assert.equal((await client.response()).body, `GET ${id} 0`);
    });
  }

  test(`SIGTERM loses no refusal behind a pipelined request under ${model}`, async () => {
    await using server = await startServer(app, ["-m", model, "-t", "3"]);
    await using client = await RawConnection.open(server.port);
    client.write("GET /?id=a&ms=300 HTTP/1.1\r\nhost: test\r\n\r\nnonsense\r\n\r\n");
    await server.waitForLog(/begin GET a/);
    server.signal("SIGTERM");
    const answer = await client.response();
    assert.equal(answer.body, "GET a 0");
    assert.notEqual(answer.headers["connection"], "close");
    assert.equal((await client.response()).status, 400);
    await client.ended();
  });
}

test("a client that ends its side behind its request is answered under sync", async () => {
  await using server = await startServer(app, ["-m", "sync"]);
  for (const ms of [0, 300])
    await inTime(async ({ sendLast }) => {
      await using client = await RawConnection.open(server.port);
      sendLast(client, `GET /?id=a&ms=${ms} HTTP/1.1\r\nhost: test\r\n\r\n`);
      assert.equal((await client.response()).body, "GET a 0");
      await client.ended();
    });
});

for (const model of ["sync", "threads", "thread-per-request"] as const) {
  test(`a client that ends its side behind its request is answered when it has to wait (${model})`, async (t) => {
    await using server = await startServer(app, ["-m", model, "-w", "1", "-t", "1"]);
    const get = (id: string, ms: number): string => `GET /?id=${id}&ms=${ms} HTTP/1.1\r\nhost: test\r\n\r\n`;
    const count = model === "sync" ? 4 : 1;
    const attempt = async ({ sendLast }: Clock): Promise<void> => {
      await using first = await RawConnection.open(server.port);
      const mark = server.mark();
      first.write(get("first", 700));
      await server.waitForLog(/begin GET first/, mark);
      const waiting = await Promise.all(Array.from({ length: count }, () => RawConnection.open(server.port)));
      t.after(() => waiting.forEach((client) => client.destroy()));
      for (const [i, client] of waiting.entries()) sendLast(client, get(`${i}`, 0));
      assert.equal((await first.response()).body, "GET first 0");
      for (const [i, client] of waiting.entries()) assert.equal((await client.response()).body, `GET ${i} 0`);
    };
    await inTime(attempt);
  });
}

describe("a client that ends its side behind its request has five seconds for its answer", { concurrency: 3 }, () => {
  for (const model of ["loop", "sync", "threads", "thread-per-request", "tasks", "actors"] as const) {
    test(`under ${model}`, async () => {
      await using server = await startServer(app, ["-m", model, "-w", "1"]);
      await inTime(async ({ sendLast }) => {
        await using client = await RawConnection.open(server.port);
        sendLast(client, "GET /?id=a&ms=3000 HTTP/1.1\r\nhost: test\r\n\r\n");
        assert.equal((await client.response()).body, "GET a 0");
        await client.ended();
      });
    });
  }
});

for (const model of ["loop", "actors"] as const) {
  test(`a client that ends its side in the head of its next request gets its answer, however late a busy loop hears of that (${model})`, async () => {
    await using server = await startServer(app, ["-m", model, "-w", "1"]);
    await inTime(async ({ sendLast }) => {
      await using busy = await RawConnection.open(server.port);
      await using client = await RawConnection.open(server.port);
      busy.write("GET /busy?for=1500&id=busy HTTP/1.1\r\nhost: test\r\n\r\n");
      assert.equal((await busy.response()).body, "GET busy 0");
      const mark = server.mark();
      client.write("GET /?id=a&ms=2000 HTTP/1.1\r\nhost: test\r\n\r\n");
      await server.waitForLog(/begin GET a/, mark);
      // Several of its turns.
      await sleep(200);
      client.write("G");
      await sleep(200);
      sendLast(client, "E");
      assert.equal((await client.response()).body, "GET a 0");
      assert.equal((await client.response()).status, 400);
      await client.ended();
    });
  });
}

for (const [name, limit, first, pipelined] of [
  ["one with priority", 1, "/", ["/", "/urgent"]],
  ["those of other routes", 2, "/narrow", ["/narrow", "/", "/"]],
] as const) {
  test(`a request that waits for its turn at a gate does not wait for ${name} behind it`, async () => {
    const args = ["-w", "1", "--limit", `${limit}`, "--queue-timeout", "20s"];
    await using server = await startServer(gated, args);
    const get = (path: string, id: string, ms: number): string =>
      `GET ${path}?id=${id}&ms=${ms} HTTP/1.1\r\nhost: test\r\n\r\n`;
    await using holder = await RawConnection.open(server.port);
    await using client = await RawConnection.open(server.port);
    holder.write(get(first, "holder", 1000));
    await server.waitForLog(/begin GET holder/);
    client.write(pipelined.map((path, i) => get(path, `${i}`, 0)).join(""));
    assert.equal((await holder.response()).body, "GET holder 0");
    for (const i of pipelined.keys()) assert.equal((await client.response()).body, `GET ${i} 0`);
  });
}

test("answers that wait for their turn keep their slots, so that the limit bounds how many are kept in memory", async () => {
  await using server = await startServer(app, ["-w", "1", "--limit", "2"]);
  await using client = await RawConnection.open(server.port);
  const get = (id: string, ms: number): string => `GET /?id=${id}&ms=${ms} HTTP/1.1\r\nhost: test\r\n\r\n`;
  client.write(get("slow", 1500) + get("a", 0) + get("b", 0) + get("c", 0));
  for (const id of ["slow", "a", "b", "c"]) assert.equal((await client.response()).body, `GET ${id} 0`);
  const order = [...server.output(0).matchAll(/^(begin GET|end) (\w+) /gm)].map(([, what, id]) => `${what} ${id}`);
  assert.ok(order.indexOf("end a") < order.indexOf("end slow"), order.join());
  assert.ok(order.indexOf("end slow") < order.indexOf("begin GET b"), order.join());
});
