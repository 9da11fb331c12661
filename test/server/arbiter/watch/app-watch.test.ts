import assert from "node:assert/strict";
import fs, {
  chmodSync,
  cpSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { ModuleWatch } from "../../../../src/server/arbiter/watch/app-watch.ts";
import { planWatch } from "../../../../src/server/arbiter/watch/watch-plan.ts";
import type { Log } from "../../../../src/log/log.ts";
import { tempFolder, until } from "../support.ts";

interface Watching {
  readonly folder: string;
  readonly warnings: readonly string[];
  /** Paths, from the folder on, that were told together. */
  readonly told: readonly string[][];
  /** A load of the app that uses these. */
  readonly load: (paths: readonly string[], run?: () => void, isOk?: boolean) => void;
  /** What is told next. */
  readonly next: () => Promise<string[]>;
  /** Changes a file that is watched, and fails if anything else is told before. */
  readonly assertSilent: () => Promise<void>;
}

function watching(t: TestContext, files: Readonly<Record<string, string>>): Watching {
  const folder = tempFolder(t);
  for (const [name, text] of Object.entries({ ...files, "marker.ts": "" })) write(join(folder, name), text);
  const told: string[][] = [];
  const warnings: string[] = [];
  let paths: readonly string[] = [];
  const watch = new ModuleWatch({
    log: { warn: (_: unknown, message: string) => warnings.push(message) } as unknown as Log,
    paths: () => paths,
    onChange: (changed) => told.push(changed.map((path) => path.slice(folder.length + 1)).sort()),
  });
  t.after(() => watch.close());
  let read = 0;
  const next = async (): Promise<string[]> => {
    await until(() => told.length > read, "a change to be told");
    return told[read++]!;
  };
  return {
    folder,
    warnings,
    told,
    load: (names, run, isOk = true) => {
      const isFirst = paths.length === 0;
      watch.begins();
      run?.();
      paths = [...names, "marker.ts"].map((name) => join(folder, name));
      watch.ended(isOk);
      // The test has written the files just now, and could have done so during the first load.
      if (isFirst && run === undefined) {
        watch.begins();
        watch.ended(isOk);
      }
    },
    next,
    assertSilent: async () => {
      writeFileSync(join(folder, "marker.ts"), `${performance.now()}`);
      assert.deepEqual(await next(), ["marker.ts"]);
    },
  };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe("--watch tells of", () => {
  test("a file that is written, renamed over, touched or removed, and of no other", async (t) => {
    const { folder, load, next, assertSilent } = watching(t, { "src/a.ts": "1" });
    load(["src/a.ts"]);
    write(join(folder, "src/a.ts"), "22");
    assert.deepEqual(await next(), ["src/a.ts"]);
    write(join(folder, "src/a.ts~"), "33");
    renameSync(join(folder, "src/a.ts~"), join(folder, "src/a.ts"));
    assert.deepEqual(await next(), ["src/a.ts"]);
    utimesSync(join(folder, "src/a.ts"), new Date(), new Date());
    assert.deepEqual(await next(), ["src/a.ts"]);
    write(join(folder, "src/other.ts"), "");
    write(join(folder, "other.json"), "");
    chmodSync(join(folder, "src/a.ts"), 0o600);
    await assertSilent();
    unlinkSync(join(folder, "src/a.ts"));
    assert.deepEqual(await next(), ["src/a.ts"]);
  });

  test("a file that appears where it was looked for, also in a folder that is not there yet", async (t) => {
    const { folder, load, next } = watching(t, {});
    load(["missing.ts", "lib/deep/x.ts"], undefined, false);
    write(join(folder, "missing.ts"), "");
    assert.deepEqual(await next(), ["missing.ts"]);
    write(join(folder, "lib/deep/x.ts"), "");
    assert.deepEqual(await next(), ["lib/deep/x.ts"]);
    write(join(folder, "lib/deep/x.ts"), "again");
    assert.deepEqual(await next(), ["lib/deep/x.ts"]);
  });

  test("a folder that comes later, step by step", async (t) => {
    const { folder, load, next, assertSilent } = watching(t, {});
    load(["lib/deep/x.ts"]);
    mkdirSync(join(folder, "lib"));
    await assertSilent();
    mkdirSync(join(folder, "lib/deep"));
    await assertSilent();
    writeFileSync(join(folder, "lib/deep/x.ts"), "");
    assert.deepEqual(await next(), ["lib/deep/x.ts"]);
  });

  test("a folder that is replaced by rename, one far above included, and of what changes in the new one", async (t) => {
    const { folder, load, next } = watching(t, { "repo/src/lib/a.ts": "old", "repo/app.ts": "" });
    load(["repo/src/lib/a.ts", "repo/app.ts"]);
    cpSync(join(folder, "repo"), join(folder, "repo.new"), { recursive: true, preserveTimestamps: true });
    renameSync(join(folder, "repo"), join(folder, "repo.old"));
    renameSync(join(folder, "repo.new"), join(folder, "repo"));
    assert.deepEqual(await next(), ["repo/app.ts", "repo/src/lib/a.ts"]);
    write(join(folder, "repo/src/lib/a.ts"), "new");
    assert.deepEqual(await next(), ["repo/src/lib/a.ts"]);
    write(join(folder, "repo.old/app.ts"), "of the past");
    mkdirSync(join(folder, "next"));
    write(join(folder, "next/a.ts"), "newer");
    renameSync(join(folder, "repo/src/lib"), join(folder, "repo/src/lib.old"));
    renameSync(join(folder, "next"), join(folder, "repo/src/lib"));
    assert.deepEqual(await next(), ["repo/src/lib/a.ts"]);
  });

  test("a folder that is deleted and made again", async (t) => {
    const { folder, load, next } = watching(t, { "dist/app.js": "1" });
    load(["dist/app.js"]);
    rmSync(join(folder, "dist"), { recursive: true });
    assert.deepEqual(await next(), ["dist/app.js"]);
    write(join(folder, "dist/app.js"), "2");
    assert.deepEqual(await next(), ["dist/app.js"]);
    write(join(folder, "dist/app.js"), "33");
    assert.deepEqual(await next(), ["dist/app.js"]);
  });

  test("a symbolic link that is swapped: of a folder, of a file, of a link to a link", async (t) => {
    const files = { "releases/1/app.ts": "1", "releases/2/app.ts": "2", "shared/one.ts": "", "shared/two.ts": "" };
    const { folder, load, next } = watching(t, files);
    const swap = (target: string, name: string): void => {
      symlinkSync(target, join(folder, `${name}.new`));
      renameSync(join(folder, `${name}.new`), join(folder, name));
    };
    swap("releases/1", "stable");
    swap("stable", "current");
    swap("shared/one.ts", "settings.ts");
    load(["current/app.ts", "releases/1/app.ts", "settings.ts", "shared/one.ts"]);
    swap("releases/2", "stable");
    assert.deepEqual(await next(), ["current/app.ts"]);
    swap("releases/1", "current");
    assert.deepEqual(await next(), ["current/app.ts"]);
    swap("shared/two.ts", "settings.ts");
    assert.deepEqual(await next(), ["settings.ts"]);
    write(join(folder, "shared/two.ts"), "written behind the link");
    assert.deepEqual(await next(), ["settings.ts"]);
    swap("nowhere", "current");
    assert.deepEqual(await next(), ["current/app.ts"]);
    write(join(folder, "nowhere/app.ts"), "somewhere");
    assert.deepEqual(await next(), ["current/app.ts"]);
  });

  test("a change during a load once, when that has ended, and of none that the load has seen", async (t) => {
    const { folder, load, told, next, assertSilent } = watching(t, { "a.ts": "1", "b.ts": "1", "src/c.ts": "1" });
    load(["a.ts", "b.ts", "src/c.ts"]);
    // Before: noticed, and then loaded.
    write(join(folder, "a.ts"), "22");
    await turn();
    load(["a.ts", "b.ts", "src/c.ts"], () => {
      write(join(folder, "b.ts"), "22");
      cpSync(join(folder, "src"), join(folder, "src.new"), { recursive: true, preserveTimestamps: true });
      renameSync(join(folder, "src"), join(folder, "src.old"));
      renameSync(join(folder, "src.new"), join(folder, "src"));
      assert.deepEqual(told, []);
    });
    assert.deepEqual(await next(), ["b.ts", "src/c.ts"]);
    load(["a.ts", "b.ts", "src/c.ts"]);
    await assertSilent();
  });

  test("a change during the first load, before which nobody knew the files", async (t) => {
    const { folder, load, next } = watching(t, { "a.ts": "1" });
    load(["a.ts"], () => write(join(folder, "a.ts"), "2"));
    assert.ok((await next()).includes("a.ts"));
  });

  test("any source beside the app's files when a load failed, and only then", async (t) => {
    const { folder, load, next, assertSilent } = watching(t, { "src/a.ts": "" });
    load(["src/a.ts"], undefined, false);
    write(join(folder, "src/data.json"), "{}");
    assert.deepEqual(await next(), ["src/data.json"]);
    write(join(folder, "src/notes.txt"), "");
    load(["src/a.ts"]);
    write(join(folder, "src/data.json"), "{ }");
    await assertSilent();
  });
});

test("--watch tells once which folder it cannot watch, and watches the others", async (t) => {
  const { folder, load, next, warnings } = watching(t, { "full/a.ts": "" });
  const original = fs.watch;
  t.mock.method(fs, "watch", (path: string, heard: fs.WatchListener<string>) => {
    if (path.endsWith("/full")) throw new Error("ENOSPC: System limit for number of file watchers reached");
    return original(path, heard);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  load(["full/a.ts", "b.ts"]);
  write(join(folder, "b.ts"), "");
  assert.deepEqual(await next(), ["b.ts"]);
  write(join(folder, "b.ts"), "again");
  assert.deepEqual(await next(), ["b.ts"]);
  assert.deepEqual(warnings, [
    `--watch cannot watch ${join(folder, "full")}: ENOSPC: System limit for number of file watchers reached`,
  ]);
});

test("only folders on the way to a path are watched, as far as they are there", (t) => {
  const folder = tempFolder(t);
  write(join(folder, "a/b/c.ts"), "");
  symlinkSync("a", join(folder, "link"));
  symlinkSync("round", join(folder, "round"));
  const plan = planWatch(["a/b/c.ts", "link/none/x/y.ts", "round/z.ts"].map((path) => join(folder, path)));
  const inFolder = [...plan].filter(([at]) => at.startsWith(folder));
  assert.deepEqual(
    new Map(inFolder.map(([at, names]) => [at.slice(folder.length), [...names].sort()])),
    new Map([
      ["", ["a", "link", "round"]],
      ["/a", ["b", "none"]],
      ["/a/b", ["c.ts"]],
    ]),
  );
  for (const [at] of plan) assert.ok(folder.startsWith(at) || at.startsWith(folder), at);
});
