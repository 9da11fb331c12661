import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds, type KindName } from "../../src/config/kinds.ts";
import { readValue } from "../../src/config/setting-value.ts";
import type { Setting } from "../../src/config/settings.ts";
import { refusal } from "./support.ts";

function read(kind: KindName, raw: unknown, more: Partial<Setting> = {}): unknown {
  return readValue({ flag: "some-setting", doc: "", kind, ...more }, { raw, origin: "--some-setting" }, "/srv");
}

const readable: readonly (readonly [KindName, unknown, unknown])[] = [
  ["duration", "500ms", 500],
  ["duration", "2s", 2000],
  ["duration", "1.5s", 1500],
  ["duration", "1m", 60_000],
  ["duration", "250", 250],
  ["duration", 250, 250],
  ["duration", "0", 0],
  ["duration", "12h", 43_200_000],
  ["size", "64KiB", 65_536],
  ["size", "1MiB", 1_048_576],
  ["size", "1mib", 1_048_576],
  ["size", "2KB", 2000],
  ["size", "3MB", 3_000_000],
  ["size", "1.5GiB", 1_610_612_736],
  ["size", "17", 17],
  ["size", "17B", 17],
  ["count", "12", 12],
  ["count", 12, 12],
  ["limit", "12", 12],
  ["limit", 0, 0],
  ["limit", "adaptive", { adaptive: {} }],
  ["limit", "adaptive:40", { adaptive: { seed: 40 } }],
  ["limit", "adaptive:40:90", { adaptive: { seed: 40, max: 90 } }],
  ["limit", { adaptive: {} }, { adaptive: {} }],
  ["limit", { adaptive: { seed: 3, max: 3 } }, { adaptive: { seed: 3, max: 3 } }],
  ["limit", { adaptive: { max: 9 } }, { adaptive: { max: 9 } }],
  ["port", "0", 0],
  ["port", "65535", 65_535],
  ["boolean", "TRUE", true],
  ["boolean", "off", false],
  ["boolean", true, true],
  ["range", "8", { min: 8, max: 8 }],
  ["range", 8, { min: 8, max: 8 }],
  ["range", "2:8", { min: 2, max: 8 }],
  ["runaways", "off", { actors: { action: "off", afterMs: 0 }, tasks: { action: "off", afterMs: 0 } }],
  ["runaways", "2s", { actors: { action: "kill", afterMs: 2000 }, tasks: { action: "warn", afterMs: 2000 } }],
  ["runaways", "kill", { actors: { action: "kill", afterMs: 1000 }, tasks: { action: "warn", afterMs: 1000 } }],
  ["runaways", "warn:100", { actors: { action: "warn", afterMs: 100 }, tasks: { action: "warn", afterMs: 100 } }],
  ["runaways", "tasks=off", { actors: { action: "kill", afterMs: 1000 }, tasks: { action: "off", afterMs: 0 } }],
  [
    "runaways",
    "actors=warn, tasks=warn:3s",
    { actors: { action: "warn", afterMs: 1000 }, tasks: { action: "warn", afterMs: 3000 } },
  ],
  ["recycling", "1000", { count: 1000, jitter: 100 }],
  ["recycling", "1000:50", { count: 1000, jitter: 50 }],
  ["recycling", "1000:0", { count: 1000, jitter: 0 }],
  ["recycling", 0, { count: 0, jitter: 0 }],
  ["control", "off", "off"],
  ["control", "c.sock", "/srv/c.sock"],
  ["path", "a/b", "/srv/a/b"],
  ["paths", "a/b", ["/srv/a/b"]],
  ["paths", ["a", "/b"], ["/srv/a", "/b"]],
];

for (const [kind, raw, value] of readable) {
  test(`a ${kind} may be written ${JSON.stringify(raw)}`, () => {
    assert.deepEqual(read(kind, raw), value);
  });
}

const unreadable: Readonly<Record<Exclude<KindName, "choice">, readonly unknown[]>> = {
  duration: [
    "",
    "soon",
    "1 s",
    "1d",
    "-1s",
    "1e3",
    "s",
    "1.s",
    "0.4",
    "1.5",
    "0.4ms",
    "0.0001s",
    -1,
    1.5,
    NaN,
    Infinity,
    null,
    {},
    "30m0s",
    "999999m",
  ],
  size: ["", "1XB", "1 KiB", "-1", "0x10", "1K", "0.5", "0.4B", -5, 0.5, true, "99999999GiB"],
  count: ["", "one", "1.0", "+1", " 1", "1e2", -1, 1.5, null, true, [1], "99999999999999999999"],
  limit: [
    "",
    "-1",
    1.5,
    "adaptive:",
    "adaptive:0",
    "adaptive:5:4",
    "adaptive:5:",
    "adaptive:1:2:3",
    "adaptively",
    null,
    [4],
    { adaptive: true },
    { adaptive: { seed: 0 } },
    { adaptive: { seed: 2, max: 1 } },
    { adaptive: { seed: "2" } },
    { adaptive: { floor: 2 } },
    { adaptive: {}, queue: 1 },
  ],
  port: ["", "65536", "-1", "http", 80.5, 70_000],
  boolean: ["", "maybe", 1, null, "2", "__proto__"],
  range: ["", "0", "0:4", "4:2", "1:2:3", "1:", ":4", "a:b", {}, 0],
  runaways: ["", "soon", "kill:", "actors", "actors=", "actors=1s=2", "loop=1s", "warn:1s,kill:1s", 1000, null, {}],
  recycling: ["", "10:20", "1:2:3", "x", ":5", "1000:", -1],
  paths: ["", [], ["a", ""], ["a", 1], 4, null],
  addresses: ["", "localhost", [], ["127.0.0.1:1", 5], 8000, null],
  text: ["", "  ", 4, null],
  path: ["", 4, {}],
  control: ["", 4, false],
};

for (const [kind, values] of Object.entries(unreadable) as [KindName, readonly unknown[]][]) {
  test(`what is not a ${kind} is refused with where it stands, what it is and what would be right`, () => {
    for (const raw of values) {
      const message = refusal("CONFIG_BAD_VALUE", () => read(kind, raw));
      assert.ok(message.startsWith("--some-setting: got "), message);
      assert.ok(message.includes(`; expected ${kinds[kind].expects({ flag: "", doc: "", kind })}`), message);
    }
  });
}

test("a choice is one of its names, to the letter", () => {
  const choices = ["handoff", "shared", "reuseport"];
  assert.equal(read("choice", "shared", { choices }), "shared");
  assert.match(
    refusal("CONFIG_BAD_VALUE", () => read("choice", "Shared", { choices })),
    /did you mean shared\?$/,
  );
  assert.doesNotMatch(
    refusal("CONFIG_BAD_VALUE", () => read("choice", "pigeon", { choices })),
    /did you mean/,
  );
});

test("a number outside the bounds of its setting is refused with the bound", () => {
  assert.match(
    refusal("CONFIG_BAD_VALUE", () => read("count", "0", { min: 1 })),
    /\(it is less than 1\); expected a whole number from 1 up$/,
  );
  assert.match(
    refusal("CONFIG_BAD_VALUE", () => read("size", "10", { min: 256 })),
    /\(it is less than 256 bytes\)/,
  );
});

test("a duration longer than a timer can wait is refused, since it would fire at once", () => {
  assert.equal(read("duration", 2 ** 31 - 1), 2 ** 31 - 1);
  assert.match(
    refusal("CONFIG_BAD_VALUE", () => read("duration", 2 ** 31)),
    /it is more than 2147483647ms/,
  );
});

test("a runaway budget that cannot work says why", () => {
  assert.match(
    refusal("CONFIG_BAD_VALUE", () => read("runaways", "tasks=kill:2s")),
    /write tasks=warn:2s/,
  );
  assert.match(
    refusal("CONFIG_BAD_VALUE", () => read("runaways", "50ms")),
    /100 ms at the earliest/,
  );
});
