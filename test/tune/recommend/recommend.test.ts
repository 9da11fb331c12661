import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { candidates, oneOfEach } from "../../../src/tune/recommend/candidates.ts";
import { type Kind, kindOf, mixOf } from "../../../src/tune/recommend/kind.ts";
import { recommend } from "../../../src/tune/recommend/recommend.ts";
import { routeKey, routeKeyBeside } from "../../../src/tune/recommend/route-key.ts";
import { formatShape } from "../../../src/tune/shape.ts";
import type { KneeEstimate, LimitedBy, RouteProfile, Sample, Shape, ShapeResult } from "../../../src/tune/types.ts";

const CORES = 2;

type Numbers = Partial<Omit<RouteProfile, "route">>;

function route(name: string, numbers: Numbers): RouteProfile {
  return { cpuMs: 0.2, waitMs: 0.2, longestBlockMs: 0, loopMs: 0.2, ...numbers, route: name };
}

/** As `profileRoutes` found them for handlers that burn, block and wait so long. */
const profiles = {
  hello: route("GET /hello", { cpuMs: 0.15, waitMs: 0.3, loopMs: 0.17 }),
  database: route("GET /orders", { cpuMs: 0.4, waitMs: 100, loopMs: 0.5 }),
  shortSpell: route("GET /short", { cpuMs: 4.7, waitMs: 20, loopMs: 7.6 }),
  image: route("GET /image", { cpuMs: 48, waitMs: 2, longestBlockMs: 50, loopMs: 49 }),
  disturbedImage: route("GET /image", { cpuMs: 13.5, waitMs: 6, longestBlockMs: 21, loopMs: 19.1 }),
  offloadedImage: route("GET /image", { cpuMs: 48, waitMs: 4, loopMs: 0.5 }),
  sqlite: route("GET /row", { cpuMs: 2, waitMs: 18, longestBlockMs: 20, loopMs: 20 }),
  shortRead: route("GET /file", { cpuMs: 0.5, waitMs: 4, longestBlockMs: 0, loopMs: 4.4 }),
  page: route("GET /page", { cpuMs: 13, waitMs: 50, longestBlockMs: 14, loopMs: 14 }),
  pageThatReads: route("GET /page", { cpuMs: 1, waitMs: 112, longestBlockMs: 12, loopMs: 13 }),
} satisfies Record<string, RouteProfile>;

describe("the kind of a route", () => {
  const table: Record<keyof typeof profiles, Kind> = {
    hello: "quick",
    database: "waits",
    shortSpell: "waits",
    image: "computes",
    disturbedImage: "computes",
    offloadedImage: "waits",
    sqlite: "blocks",
    shortRead: "blocks",
    page: "both",
    pageThatReads: "both",
  };
  for (const [name, kind] of Object.entries(table)) {
    test(`${name} ${kind}`, () => assert.equal(kindOf(profiles[name as keyof typeof profiles]), kind));
  }

  test("is told by the longest block, if nothing else is known of the loop", () => {
    const { loopMs: _, ...known } = profiles.sqlite;
    assert.equal(kindOf(known), "blocks");
  });

  test("of several routes is mixed if some hold the loop, and the mean goes by the weights", () => {
    const mix = mixOf([
      { ...profiles.hello, weight: 9 },
      { ...profiles.image, weight: 1 },
    ])!;
    assert.equal(mix.kind, "mixed");
    assert.equal(mix.cpuMs.toFixed(3), ((9 * 0.15 + 48) / 10).toFixed(3));
    assert.deepEqual(
      mix.heavy.map((each) => each.route),
      ["GET /image"],
    );
    assert.equal(mixOf([profiles.hello, profiles.database])!.kind, "waits");
    assert.equal(mixOf([profiles.image, profiles.sqlite])!.kind, "blocks");
    assert.equal(mixOf([]), undefined);
  });
});

describe("the candidates", () => {
  const shown = (shapes: readonly Shape[]): string[] =>
    shapes.map((shape) => formatShape(shape).replaceAll(" × ", "x"));

  const table: readonly [string, readonly RouteProfile[], readonly string[]][] = [
    ["computing", [profiles.image], ["threads 1x2", "loop 2x1", "threads 1x4"]],
    ["computing, disturbed", [profiles.disturbedImage], ["threads 1x2", "loop 2x1", "threads 1x4"]],
    ["blocking", [profiles.sqlite], ["threads 1x20", "threads 1x10", "threads 1x40", "loop 2x1"]],
    ["waiting", [profiles.database], ["loop 2x1", "loop 1x1"]],
    ["quick", [profiles.hello], ["loop 2x1", "loop 1x1"]],
    ["waiting and computing", [profiles.page], ["tasks 1x2", "threads 1x10", "loop 2x1"]],
    [
      "some routes compute",
      [profiles.database, profiles.image],
      ["loop 1x1 + threads 1x2 for GET /image", "loop 2x1", "threads 1x6", "tasks 1x2"],
    ],
    [
      "some routes compute, and others as much in all",
      [{ ...profiles.shortSpell, weight: 50 }, profiles.image, { ...profiles.sqlite, route: "POST /rows/{{id}}" }],
      [
        "loop 2x1 + threads 2x1 for GET /image + threads 2x10 for POST /rows/:id",
        "loop 2x1",
        "threads 1x9",
        "tasks 1x2",
      ],
    ],
    [
      "some routes compute, which a config file can't name",
      [profiles.database, { ...profiles.image, route: "the image" }],
      ["loop 2x1", "threads 1x6", "tasks 1x2"],
    ],
    ["nothing known", [], ["loop 2x1", "loop 1x1"]],
  ];
  for (const [name, routes, expected] of table) {
    test(`${name}: ${expected.join(", ")}`, () => assert.deepEqual(shown(candidates(routes, CORES)), expected));
  }

  test("on one core never name a shape twice", () => {
    for (const each of Object.values(profiles)) {
      const names = shown(candidates([each], 1));
      assert.equal(new Set(names).size, names.length, names.join());
    }
  });

  test("keep what the user has decided", () => {
    assert.deepEqual(shown(candidates([profiles.image], CORES, { model: "loop" })), ["loop 2x1", "loop 1x1"]);
    assert.deepEqual(shown(candidates([profiles.image], CORES, { model: "threads", threads: 3 })), ["threads 1x3"]);
    assert.deepEqual(shown(candidates([profiles.database], CORES, { workers: 4 })), ["loop 4x1"]);
  });

  test("leave out the models on which the app does not run", () => {
    assert.deepEqual(shown(candidates([profiles.image], CORES, { models: ["loop", "actors"] })), ["loop 2x1"]);
    assert.deepEqual(shown(candidates([profiles.hello, profiles.image], CORES, { models: ["loop"] })), ["loop 2x1"]);
    assert.deepEqual(shown(candidates([profiles.hello], CORES, { models: ["sync"] })), [
      "sync 6x1",
      "sync 3x1",
      "sync 12x1",
    ]);
  });

  test("bound the number of threads, however long a request waits", () => {
    const threads = candidates([{ ...profiles.sqlite, cpuMs: 0, waitMs: 900, loopMs: 900 }], CORES)[0]!.threads;
    assert.equal(threads, 128);
  });

  test("bound the number of processes more, which take more memory", () => {
    const waits = [{ ...profiles.database, cpuMs: 0.1, waitMs: 900 }];
    assert.deepEqual(shown(candidates(waits, CORES, { model: "sync" })), ["sync 32x1"]);
    assert.deepEqual(shown(oneOfEach(["sync", "threads"], waits, CORES)), ["sync 32x1", "threads 1x128"]);
    assert.equal(oneOfEach(["sync"], waits, 48)[0]!.workers, 48);
  });

  test("of every model is one, for a comparison of all", () => {
    const models = ["loop", "sync", "threads", "thread-per-request", "tasks", "actors"];
    assert.deepEqual(shown(oneOfEach(models, [profiles.sqlite], CORES)), [
      "loop 2x1",
      "sync 20x1",
      "threads 1x20",
      "thread-per-request 1x20",
      "tasks 1x2",
      "actors 2x1",
    ]);
  });
});

describe("a route's key in a config file", () => {
  const table: Readonly<Record<string, string | undefined>> = {
    "GET /": "GET /",
    "GET /image?size={{n}}#top": "GET /image",
    "PUT /users/{{id}}/files/{{id}}/{{9}}": "PUT /users/:id/files/:part4/:part5",
    "GET /a:b/(c)*": "GET /a\\:b/\\(c\\)\\*",
    "HEAD /x": "GET /x",
    "GET /v{{n}}/x": undefined,
    "the image": undefined,
    "GET /a b": undefined,
  };
  for (const [text, key] of Object.entries(table)) test(`of ${text}`, () => assert.equal(routeKey(text), key));
});

test("a request's key is that of the config file's route for it, unless that may stand for the whole app", () => {
  const keys = ["POST /report", "/report", "GET /report/:id", "/rows/*", "/broken/:", "/*"];
  const found = (method: string, path: string): string | undefined => routeKeyBeside(keys, method, path);
  assert.equal(found("GET", "/report?size=2"), "/report");
  assert.equal(found("POST", "/report"), "POST /report");
  assert.equal(found("GET", "/report/7"), "GET /report/:id");
  assert.equal(found("HEAD", "/report/7"), "GET /report/:id");
  assert.equal(found("GET", "/report/{{id}}"), "GET /report/:id");
  assert.equal(found("PUT", "/report/7"), "PUT /report/7");
  assert.equal(found("GET", "/rows/7"), "GET /rows/7");
  assert.equal(found("GET", "/other"), "GET /other");
  assert.equal(routeKeyBeside([], "GET", "/users/{{id}}"), "GET /users/:id");
});

interface Measured {
  readonly routes?: Shape["routes"];
  readonly p95?: number;
  readonly knee?: KneeEstimate;
  readonly limitedBy?: LimitedBy;
  readonly repetitions?: readonly number[];
}

function measured(text: string, throughputMax: number, more: Measured = {}): ShapeResult {
  const [model = "", workers, threads] = text.split(/[ x]/);
  const { p95, knee = { value: 8, low: 7, high: 9 }, limitedBy = "server", repetitions = [], routes } = more;
  return {
    shape: { model, workers: Number(workers), threads: Number(threads), ...(routes === undefined ? {} : { routes }) },
    levels: [{ concurrency: 16, samples: repetitions.map((throughput) => ({ throughput }) as Sample) }],
    knee,
    throughputMax,
    ...(p95 === undefined ? {} : { p95AtKneeMs: p95 }),
    limitedBy,
    openLoop: [],
  };
}

function chosen(routes: readonly RouteProfile[], results: readonly ShapeResult[]): string {
  const { model, workers, threads } = recommend(routes, results, CORES);
  return `${model} ${workers}x${threads}`;
}

describe("the recommendation", () => {
  test("is the shape with the highest throughput, if the difference is more than noise", () => {
    assert.equal(
      chosen([profiles.sqlite], [measured("threads 1x20", 100), measured("threads 1x40", 120)]),
      "threads 1x40",
    );
  });

  test("is the cheapest of those that differ by no more than the noise", () => {
    const results = [measured("threads 1x20", 97), measured("threads 1x10", 70), measured("threads 1x40", 100)];
    assert.equal(chosen([profiles.sqlite], results), "threads 1x20");
    assert.equal(
      chosen([profiles.image], [measured("loop 2x1", 41), measured("threads 1x2", 40), measured("threads 1x4", 41)]),
      "threads 1x2",
    );
    assert.equal(chosen([profiles.database], [measured("loop 2x1", 40), measured("loop 1x1", 39)]), "loop 1x1");
  });

  test("takes the noise from the repetitions", () => {
    const steady = [99, 100, 100, 100, 101];
    const shaky = [80, 90, 100, 104, 120];
    const results = (repetitions: readonly number[]): ShapeResult[] => [
      measured("threads 1x20", 88, { repetitions }),
      measured("threads 1x40", 100, { repetitions }),
    ];
    assert.equal(chosen([profiles.sqlite], results(steady)), "threads 1x40");
    assert.equal(chosen([profiles.sqlite], results(shaky)), "threads 1x20");
  });

  test("is not a cheaper shape whose answers come far later", () => {
    const results = [measured("loop 2x1", 40, { p95: 400 }), measured("threads 1x4", 40, { p95: 100 })];
    const { model, why } = recommend([profiles.image], results, CORES);
    assert.equal(model, "threads");
    assert.match(why, /far later \(p95 400 ms against 100 ms\)/);
  });

  test("does not save threads if the test and not the server was the limit", () => {
    const results = [
      measured("loop 2x1", 1000, { limitedBy: "generator" }),
      measured("loop 1x1", 1000, { limitedBy: "generator" }),
    ];
    assert.equal(chosen([profiles.database], results), "loop 2x1");
    const open = { knee: { notReached: true, seenUpTo: 64 } } as const;
    assert.equal(
      chosen([profiles.database], [measured("loop 2x1", 99, open), measured("loop 1x1", 100, open)]),
      "loop 2x1",
    );
  });

  test("is no shape that answered with errors", () => {
    const results = [measured("loop 2x1", 100, { limitedBy: "errors" }), measured("threads 1x2", 20)];
    assert.equal(chosen([profiles.image], results), "threads 1x2");
  });

  test("does not say that nothing was measured, if all shapes answered well up to some load and with errors beyond", () => {
    const results = [measured("threads 1x2", 100, { limitedBy: "errors" })];
    assert.match(
      recommend([profiles.image], results, CORES).why,
      /Under load each shape answered with errors, so 2 threads is what the formula says\.$/,
    );
    const fixed = { model: "threads", workers: 1, threads: 2 };
    assert.match(
      recommend([profiles.image], results, CORES, fixed).why,
      /Under load 2 threads answered with errors\.$/,
    );
  });

  test("is the first candidate, and says that it was not measured, if nothing counts", () => {
    const { why, ...shape } = recommend([profiles.image], [measured("threads 1x2", 0, { limitedBy: "errors" })], CORES);
    assert.equal(shape.model, "threads");
    assert.equal(shape.threads, CORES);
    assert.match(why, /nothing that counts was measured, so 2 threads is what the formula says/i);
    assert.equal(recommend([], [], CORES).model, "loop");
  });

  test("keeps routes that hold their event loop away from the others, if that costs no throughput", () => {
    const routes = { "GET /image": { model: "threads", threads: 2 } };
    const mixed = [profiles.database, profiles.image];
    const loop = measured("loop 2x1", 71);
    const { why: _, classic: __, ...shape } = recommend(mixed, [measured("loop 1x1", 70, { routes }), loop], CORES);
    assert.deepEqual(shape, { model: "loop", workers: 1, threads: 1, routes });
    assert.equal(recommend(mixed, [measured("loop 1x1", 50, { routes }), loop], CORES).routes, undefined);
  });

  test("is what the user has decided, also if nothing counts", () => {
    const fixed = { model: "loop", workers: 1, threads: 1 };
    const { why, classic: _, ...shape } = recommend([profiles.image], [], CORES, fixed);
    assert.deepEqual(shape, fixed);
    assert.match(why, /Nothing that counts was measured of 1 event loop\.$/);
  });

  test("is not made of nonsense: what is wrong is told, with its place and what it should be", () => {
    const refused: readonly (readonly [name: string, recommend: () => unknown, message: RegExp])[] = [
      ...[0, -2, 1.5, Number.NaN, Infinity].map(
        (cores) => ["cores", () => recommend([], [], cores), /^cores is .*; it should be a whole number/] as const,
      ),
      ...(["cpuMs", "waitMs", "longestBlockMs", "loopMs"] as const).flatMap((field) =>
        [Number.NaN, -1, Infinity].map((value) => {
          const profile = route("GET /", { [field]: value });
          return [field, () => recommend([profile], [], CORES), new RegExp(`^profiles\\[0\\]\\.${field} is`)] as const;
        }),
      ),
      ["weight", () => recommend([route("GET /", { weight: 0 })], [], CORES), /^profiles\[0\]\.weight is 0/],
      ["route", () => recommend([undefined as never], [], CORES), /^profiles\[0\]\.route is undefined/],
      ["model", () => recommend([], [], CORES, { model: "threds" }), /^fixed\.model is 'threds'; .*one of loop/],
      ["models", () => recommend([], [], CORES, { models: ["loop", "x"] }), /^fixed\.models\[1\] is 'x'/],
      ["workers", () => recommend([], [], CORES, { workers: 0 }), /^fixed\.workers is 0/],
      ["threads", () => recommend([], [], CORES, { threads: Number.NaN }), /^fixed\.threads is NaN/],
    ];
    for (const [name, make, message] of refused) assert.throws(make, { code: "TUNE_INPUT", message }, name);
  });

  test("has the classic formulas beside it", () => {
    assert.deepEqual(recommend([profiles.sqlite], [], CORES).classic, {
      cores: 2,
      twiceCores: 4,
      waitToCompute: 20,
      gunicorn: 5,
      puma: 5,
    });
  });

  const sentences: readonly [string, readonly RouteProfile[], readonly ShapeResult[], string][] = [
    [
      "computing",
      [profiles.image],
      [measured("threads 1x2", 40), measured("threads 1x4", 40)],
      "A request computes for 48 ms, and meanwhile its event loop can serve nobody else. Threads compute side by side, one on each core: 2 threads answered 40/s, and 4 threads no more beyond the noise (40/s).",
    ],
    [
      "blocking",
      [profiles.sqlite],
      [measured("threads 1x20", 900), measured("loop 2x1", 99)],
      "A request takes 20 ms and computes for 2 ms of them, but holds its thread all the time: it waits in a call that blocks. While one thread waits another can compute: 20 threads answered 900/s, and 2 workers with 1 event loop each 99/s.",
    ],
    [
      "waiting",
      [profiles.database],
      [measured("loop 2x1", 4000)],
      "A request takes 100 ms and computes for 0.4 ms of them: the rest it waits, and its event loop serves others meanwhile. An event loop keeps many such requests waiting at once, so they need no threads of their own: 2 workers with 1 event loop each answered 4000/s.",
    ],
    [
      "quick",
      [profiles.hello],
      [measured("loop 2x1", 12000.4)],
      "A request takes 0.45 ms, and much of that is HTTP itself. An event loop runs it where it was read, without handing it to another thread: 2 workers with 1 event loop each answered 12000/s.",
    ],
    [
      "mixed",
      [profiles.database, route("GET /image?size=2", profiles.image)],
      [measured("loop 2x1", 70), measured("threads 1x6", 60)],
      'GET /image?size=2 holds its event loop for 49 ms, and requests for other routes must wait for that. Give it threads of its own with `routes: { "GET /image": { model: "threads", threads: 2 } }` in heddle.config.ts; of the shapes for the whole app, 2 workers with 1 event loop each answered 70/s, and 6 threads 60/s.',
    ],
    [
      "mixed, and measured so",
      [profiles.database, profiles.image],
      [
        measured("loop 1x1", 70, { routes: { "GET /image": { model: "threads", threads: 2 } } }),
        measured("loop 2x1", 70),
      ],
      "GET /image holds its event loop for 49 ms, and requests for other routes must wait for that. Threads of its own end that: 1 event loop and 2 threads for GET /image answered 70/s, and 2 workers with 1 event loop each no more beyond the noise (70/s).",
    ],
    [
      "mixed, but better together",
      [profiles.database, profiles.image],
      [
        measured("loop 1x1", 40, { routes: { "GET /image": { model: "threads", threads: 2 } } }),
        measured("loop 2x1", 70),
      ],
      "GET /image holds its event loop for 49 ms, and requests for other routes must wait for that. All the same 2 workers with 1 event loop each answered 70/s, and 1 event loop and 2 threads for GET /image 40/s.",
    ],
    [
      "a model that does not fit was the best",
      [profiles.image],
      [measured("threads 1x2", 30), measured("loop 2x1", 40)],
      "A request computes for 48 ms, and meanwhile its event loop can serve nobody else. All the same 2 workers with 1 event loop each answered 40/s, and 2 threads 30/s.",
    ],
  ];
  for (const [name, routes, results, why] of sentences) {
    test(`says why, in two sentences: ${name}`, () => assert.equal(recommend(routes, results, CORES).why, why));
  }
});
