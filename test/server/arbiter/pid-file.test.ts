import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { HeddleError } from "../../../src/errors/errors.ts";
import { claimPidFile } from "../../../src/server/arbiter/pid-file.ts";
import { tempFolder } from "./support.ts";

/** A process that claims the pid file when it is told, and says what came of it. */
const CLAIM = `
  import { ARBITER_TITLE, claimPidFile } from ${JSON.stringify(new URL("../../../src/server/arbiter/pid-file.ts", import.meta.url).href)};
  process.title = ARBITER_TITLE;
  process.send("ready");
  process.once("message", () => {
    try {
      claimPidFile(process.argv[2]);
      process.send("claimed");
    } catch (error) {
      process.send(error.code);
    }
    setInterval(() => {}, 1000);
  });
`;

describe("a pid file", () => {
  test("is written, and removed by its owner", (t) => {
    const path = join(tempFolder(t), "pid");
    const file = claimPidFile(path);
    assert.equal(readFileSync(path, "utf8"), `${process.pid}\n`);
    file.release();
    assert.equal(existsSync(path), false);
  });

  test("of a process that is gone, or is no heddle, is taken over", (t) => {
    const path = join(tempFolder(t, { pid: "999999999\n" }), "pid");
    claimPidFile(path);
    assert.equal(readFileSync(path, "utf8"), `${process.pid}\n`);
    writeFileSync(path, `${process.ppid}\n`);
    claimPidFile(path).release();
    writeFileSync(path, "nonsense");
    claimPidFile(path).release();
  });

  test("is one server's, however many start at once, and whatever was there before", async (t) => {
    const folder = tempFolder(t, { "claim.mjs": CLAIM });
    for (const before of [undefined, "999999999\n", "nonsense"]) {
      const path = join(folder, `pid-${before?.trim()}`);
      if (before !== undefined) writeFileSync(path, before);
      const claimants = Array.from({ length: 6 }, () => fork(join(folder, "claim.mjs"), [path], { execArgv: [] }));
      t.after(() => claimants.forEach((child) => child.kill("SIGKILL")));
      await Promise.all(claimants.map((child) => once(child, "message")));
      const outcomes = claimants.map((child) => once(child, "message"));
      for (const child of claimants) child.send("claim");
      const got = (await Promise.all(outcomes)).map(([outcome]) => outcome as string);
      assert.deepEqual(got.toSorted(), [...Array(5).fill("PID_FILE_TAKEN"), "claimed"]);
      assert.equal(readFileSync(path, "utf8"), `${claimants[got.indexOf("claimed")]!.pid}\n`);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith("pid-") && join(folder, name) !== path),
        [],
      );
      rmSync(path);
    }
  });

  test("that is a link or a device is written, and stays what it is", (t) => {
    const folder = tempFolder(t, { real: "999999999\n" });
    const path = join(folder, "pid");
    symlinkSync("real", path);
    const file = claimPidFile(path);
    assert.equal(readFileSync(join(folder, "real"), "utf8"), `${process.pid}\n`);
    file.release();
    assert.equal(lstatSync(path).isSymbolicLink(), true);
    claimPidFile("/dev/null").release();
    assert.equal(lstatSync("/dev/null").isCharacterDevice(), true);
  });

  test("that cannot be written is told", (t) => {
    const path = join(tempFolder(t), "none", "pid");
    assert.throws(
      () => claimPidFile(path),
      (error) => error instanceof HeddleError && error.code === "PID_FILE_TAKEN",
    );
  });
});
