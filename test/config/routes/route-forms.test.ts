import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mergeRoutes, routeForm, routeForms, type RouteSpelling } from "../../../src/config/routes/route-forms.ts";
import { HeddleError } from "../../../src/errors/errors.ts";

const strict: RouteSpelling = { routeCase: "sensitive", routeTrailingSlash: "strict" };
const lenient: RouteSpelling = { routeCase: "insensitive", routeTrailingSlash: "ignore" };

describe("the form of a route", () => {
  const cases: [name: string, form: string, lenient: string][] = [
    ["/report", "/report", "/report"],
    ["GET /Report/", "/Report/", "/report"],
    ["/", "/", "/"],
    ["/%7Euser/../~other", "/~other", "/~other"],
    ["/café", "/caf%C3%A9", "/caf%c3%a9"],
    ["/100%", "/100%25", "/100%25"],
    ["/a%2fb", "/a%2Fb", "/a%2fb"],
    ["/%7Euser/:id", "/~user/:id", "/~user/:id{/}?"],
    ["/Café/:id/", "/Caf%C3%A9/:id/", "/caf%c3%a9/:id{/}?"],
    ["/c%c3%a9/*", "/c%C3%A9/*", "/c%c3%a9/*{/}?"],
    ["/:Id%41", "/:Id{A}", "/:Id{a}{/}?"],
    ["/:id%2fx", "/:id%2Fx", "/:id%2fx{/}?"],
    ["/:id-%41", "/:id-A", "/:id-a{/}?"],
    ["/:naïve", "/:naïve", "/:naïve{/}?"],
    ["/a%/:id", "/a%25/:id", "/a%25/:id{/}?"],
    ["/x\\:Y", "/x\\:Y", "/x\\:y{/}?"],
    ["/:id(\\D%41(?:B|C))/D", "/:id(\\D%41(?:B|C))/D", "/:id(\\D%41(?:B|C))/d{/}?"],
    ["/a{.txt}?", "/a{.txt}?", "/a{.txt}?{/}?"],
  ];
  for (const [name, form, ignoring] of cases) {
    test(`of ${JSON.stringify(name)} is ${JSON.stringify(form)}`, () => {
      assert.deepEqual([routeForm(name, strict).path, routeForm(name, lenient).path], [form, ignoring]);
    });
  }

  for (const name of ["/a/../:id", "/a/./:id", "/a/%2e%2E/:id", "/:id/.."]) {
    test(`is refused for the pattern ${name}, whose dot segments could mean anything`, () => {
      assert.throws(() => routeForm(name, strict), isBadValue(/may not have the segments \. and \.\./));
    });
  }
});

describe("two routes that become the same", () => {
  for (const [one, other, form, spelling] of [
    ["/~a", "/%7Ea", "/~a", strict],
    ["GET /a/b", "GET /a/x/../b", "GET /a/b", strict],
    ["GET  /a", "GET /a", "GET /a", strict],
    ["/é/:id", "/%c3%a9/:id", "/%C3%A9/:id", strict],
    ["POST /Report", "POST /report", "POST /report", lenient],
    ["/report", "/report/", "/report", lenient],
    ["/r/:id", "/R/:id/", "/r/:id{/}?", lenient],
  ] as const) {
    test(`are refused: ${one} and ${other}`, () => {
      assert.throws(
        () => routeForms({ [one]: {}, [other]: {} }, spelling),
        isBadValue((message) => [one, other, form].every((text) => message.includes(JSON.stringify(text)))),
      );
    });
  }

  test("are two while method, case or slash tell them apart", () => {
    const names = ["/a", "GET /a", "POST /a", "/A", "/a/", "/a%2F", "//a"];
    assert.deepEqual(
      routeForms(Object.fromEntries(names.map((name) => [name, {}])), strict).map(({ name }) => name),
      names,
    );
  });
});

describe("what is configured", () => {
  test("takes the place of the app's same route, written in another way, and the rest comes after", () => {
    const ofApp = { "GET /~a": 1, "/b/:id": 2, "/c": 3 };
    const merged = mergeRoutes(ofApp, { "/d": 4, "/b/:id": 5, "GET /%7ea": 6 }, strict);
    assert.deepEqual(Object.entries(merged), [
      ["GET /%7ea", 6],
      ["/b/:id", 5],
      ["/c", 3],
      ["/d", 4],
    ]);
  });

  test("does so as far as the server's settings say that two are the same", () => {
    assert.deepEqual(mergeRoutes({ "/A/": 1 }, { "/a": 2 }, lenient), { "/a": 2 });
    assert.deepEqual(mergeRoutes({ "/A/": 1 }, { "/a": 2 }, strict), { "/A/": 1, "/a": 2 });
  });
});

function isBadValue(says: RegExp | ((message: string) => boolean)): (error: unknown) => boolean {
  return (error) =>
    error instanceof HeddleError &&
    error.code === "CONFIG_BAD_VALUE" &&
    (typeof says === "function" ? says(error.message) : says.test(error.message));
}
