import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import { installFastResponse, takeParts } from "../../../../src/server/app/fetch/fast-response.ts";

describe("the fast Response behaves as the native one", () => {
  const Native = globalThis.Response;
  before(installFastResponse);
  after(() => {
    globalThis.Response = Native;
  });

  test("instanceof holds both ways, and a subclass only knows its own", () => {
    class Mine extends Response {}
    assert.ok(new Response("") instanceof Response);
    assert.ok(new Response("") instanceof Native);
    assert.ok(new Native("") instanceof Response);
    assert.ok(Response.redirect("http://a/") instanceof Response);
    assert.ok(new Mine("") instanceof Mine);
    assert.ok(new Mine("") instanceof Response);
    assert.ok(!(new Response("") instanceof Mine));
    assert.equal(new Response("").constructor.name, "Response");
    assert.equal(Object.prototype.toString.call(new Response("")), "[object Response]");
  });

  const bytes = new TextEncoder().encode("bytes");
  const cases: Record<string, (R: typeof Response) => Response> = {
    nothing: (R) => new R(),
    "null and a status": (R) => new R(null, { status: 404 }),
    text: (R) => new R("text"),
    "empty text": (R) => new R(""),
    "text with a type": (R) => new R("<p>", { headers: { "Content-Type": "text/html" } }),
    bytes: (R) => new R(bytes),
    "a buffer": (R) => new R(bytes.buffer),
    "a blob": (R) => new R(new Blob(["blob"], { type: "text/x-blob" })),
    "form fields": (R) => new R(new URLSearchParams({ a: "1" })),
    "a stream": (R) => new R(new Blob(["stream"]).stream()),
    "a status text": (R) => new R("x", { status: 201, statusText: "Made" }),
    "headers as pairs": (R) =>
      new R("x", {
        headers: [
          ["a", "1"],
          ["a", "2"],
        ],
      }),
    "headers as Headers": (R) => new R("x", { headers: new Headers({ b: "2" }) }),
    "a header with spaces and line ends around its value": (R) => new R("x", { headers: { a: " 1.2.3\r\n", b: "" } }),
    "a header with an umlaut": (R) => new R("x", { headers: { a: "ü b\tc" } }),
    json: (R) => R.json({ a: 1 }),
    "json with a line end behind a header": (R) => R.json([], { headers: { a: "1\n" } }),
    "json with a type": (R) => R.json([], { status: 422, headers: { "content-type": "application/problem+json" } }),
    "json with pairs": (R) => R.json([], { headers: [["a", "1"]] }),
    "a copy of another": (R) => new R("again", new R("first", { status: 203, headers: { a: "1" } })),
    "a clone": (R) => new R("cloned", { headers: { a: "1" } }).clone(),
    "undefined in init": (R) => new R("x", { status: undefined, headers: undefined } as unknown as ResponseInit),
  };
  for (const [name, make] of Object.entries(cases)) {
    test(`made from ${name}`, async () => {
      assert.deepEqual(await look(make(Response)), await look(make(Native)));
    });
  }

  const refused: Record<string, (R: typeof Response) => unknown> = {
    "a status below 200": (R) => new R("", { status: 199 }),
    "a status above 599": (R) => new R("", { status: 600 }),
    "a body with 204": (R) => new R("x", { status: 204 }),
    "an empty text with 304": (R) => new R("", { status: 304 }),
    "a status text with a line break": (R) => new R("", { statusText: "a\nb" }),
    "json of undefined": (R) => R.json(undefined),
    "a header's name that is none": (R) => new R("", { headers: { "a b": "1" } }),
    "a header's value with a line end inside": (R) => new R("", { headers: { a: "1\n2" } }),
    "a header's value beyond Latin-1": (R) => new R("", { headers: { a: "€" } }),
    "headers that are pairs of three": (R) =>
      new R("", { headers: [["a", "b", "c"]] as unknown as [string, string][] }),
  };
  for (const [name, make] of Object.entries(refused)) {
    test(`refuses ${name}`, () => {
      const expected = thrownBy(() => make(Native));
      assert.ok(expected instanceof Error);
      assert.equal(thrownBy(() => make(Response))?.constructor, expected.constructor);
    });
  }

  test("reads a body in every way, once", async () => {
    assert.deepEqual(await new Response('{"a":1}').json(), { a: 1 });
    assert.deepEqual(await new Response("ab").bytes(), new Uint8Array([97, 98]));
    assert.equal((await new Response("ab").arrayBuffer()).byteLength, 2);
    assert.equal((await new Response("ab", { headers: { "content-type": "text/css" } }).blob()).type, "text/css");
    assert.equal((await new Response(new URLSearchParams("a=1")).formData()).get("a"), "1");
    const response = new Response("once");
    await response.text();
    assert.ok(response.bodyUsed);
    await assert.rejects(response.text(), TypeError);
    assert.throws(() => response.clone(), TypeError);
  });

  test("a clone shares nothing", async () => {
    const response = new Response("body", { headers: { a: "1" } });
    const clone = response.clone();
    clone.headers.set("a", "2");
    assert.equal(response.headers.get("a"), "1");
    assert.equal(await clone.text(), "body");
    assert.equal(await response.clone().text(), "body");
    assert.equal(await response.text(), "body");
  });

  test("changing what it was made from changes nothing", async () => {
    const headers: Record<string, string> = { a: "1" };
    const body = new TextEncoder().encode("before");
    const response = new Response(body, { headers });
    headers["a"] = "2";
    body.fill(120);
    assert.equal(response.headers.get("a"), "1");
    assert.equal(await response.text(), "before");
  });

  test("headers stay the same object, and what is set on them counts", async () => {
    const response = new Response("x");
    const { headers } = response;
    assert.equal(await response.clone().text(), "x");
    void response.body;
    headers.set("late", "yes");
    assert.equal(response.headers, headers);
    assert.equal(response.clone().headers.get("late"), "yes");
    assert.ok(takeParts(response)?.headers.includes("late"));
  });

  test("a deleted content-type is not put back", () => {
    const response = new Response("x");
    response.headers.delete("content-type");
    assert.deepEqual(takeParts(response)?.headers, ["content-length", "1"]);
  });

  test("sending is reading: a second time is refused", async () => {
    const response = new Response("x");
    takeParts(response);
    assert.ok(response.bodyUsed);
    assert.throws(() => takeParts(response), TypeError);
    await assert.rejects(response.text(), TypeError);
    const read = new Response("x");
    await read.text();
    assert.throws(() => takeParts(read), TypeError);
  });

  test("can be inspected", () => {
    assert.match(inspect(new Response("x", { status: 418 })), /status: 418/);
  });
});

/** What can be seen of a response from the outside. */
async function look(response: Response): Promise<unknown> {
  return {
    status: response.status,
    statusText: response.statusText,
    ok: response.ok,
    type: response.type,
    url: response.url,
    redirected: response.redirected,
    headers: [...response.headers],
    hasBody: response.body !== null,
    text: await response.text(),
    bodyUsed: response.bodyUsed,
  };
}

function thrownBy(run: () => unknown): Error | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
