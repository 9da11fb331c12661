import assert from "node:assert/strict";
import { execFileSync, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { HeddleError } from "../../../src/errors/errors.ts";
import { claimPidFile } from "../../../src/server/arbiter/pid-file.ts";
import { tempFolder } from "./support.ts";

const ROUNDS = 100;

/** A process that claims each pid file that it is told, and says what came of it. */
const CLAIM = `
  import { ARBITER_TITLE, claimPidFile } from ${JSON.stringify(new URL("../../../src/server/arbiter/pid-file.ts", import.meta.url).href)};
  process.title = ARBITER_TITLE;
  process.send("ready");
  process.on("message", (path) => {
    try {
      claimPidFile(path);
      process.send("claimed");
    } catch (error) {
      process.send(error.code);
    }
  });
`;

const CLAIM_ONE = `
  import { claimPidFile } from ${JSON.stringify(new URL("../../../src/server/arbiter/pid-file.ts", import.meta.url).href)};
  claimPidFile(process.argv[1]);
`;

describe("a pid file", () => {
  test("is written, and removed by its owner", (t) => {
    const path = join(tempFolder(t), "pid");
    const file = claimPidFile(path);
    assert.equal(readFileSync(path, "utf8"), `${process.pid}\n`);
    file.release();
    assert.equal(existsSync(path), false);
  });

  test("leaves nothing behind if there is no space for it", (t) => {
    const folder = tempFolder(t);
    // No file may have a byte.
    const limited = ["-c", `trap "" XFSZ; ulimit -f 0; exec "$@"`, "sh", process.execPath];
    const { stderr } = spawnSync("sh", [...limited, "--input-type=module", "-e", CLAIM_ONE, join(folder, "pid")]);
    assert.match(String(stderr), /--pid-file .* cannot be written: EFBIG/);
    assert.deepEqual(readdirSync(folder), []);
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
    const claimants = Array.from({ length: 6 }, () => fork(join(folder, "claim.mjs"), { execArgv: [] }));
    t.after(() => claimants.forEach((child) => child.kill("SIGKILL")));
    await Promise.all(claimants.map((child) => once(child, "message")));
    // Of a hundred rounds one or two went wrong when removing an old file could hit a new one.
    for (let round = 0; round < ROUNDS; round++) {
      const before = [undefined, "999999999\n", "nonsense"][round % 3];
      const path = join(folder, `pid-${round}`);
      if (before !== undefined) writeFileSync(path, before);
      const outcomes = claimants.map((child) => once(child, "message"));
      for (const child of claimants) child.send(path);
      const got = (await Promise.all(outcomes)).map(([outcome]) => outcome as string);
      assert.deepEqual(got.toSorted(), [...Array(5).fill("PID_FILE_TAKEN"), "claimed"]);
      assert.equal(readFileSync(path, "utf8"), `${claimants[got.indexOf("claimed")]!.pid}\n`);
      rmSync(path);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith("pid-")),
        [],
      );
    }
  });

  test("of a server that died while it removed an old one is taken over", (t) => {
    const path = join(tempFolder(t, { pid: "999999999\n", "pid.lock": "999999998\n" }), "pid");
    claimPidFile(path);
    assert.equal(readFileSync(path, "utf8"), `${process.pid}\n`);
    assert.equal(existsSync(`${path}.lock`), false);
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

  test("that is a pipe or a device is not read: one may give nothing for ever, the other bytes without end", (t) => {
    const pipe = join(tempFolder(t), "pid");
    execFileSync("mkfifo", [pipe]);
    const fd = openSync(pipe, "r+");
    t.after(() => closeSync(fd));
    const claim = (path: string): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, ["--input-type=module", "-e", CLAIM_ONE, path], { timeout: 60_000 });
    assert.equal(claim(pipe).status, 0);
    assert.match(String(claim("/dev/full").stderr), /--pid-file \/dev\/full cannot be written: ENOSPC/);
  });

  test("that cannot be written is told", (t) => {
    const path = join(tempFolder(t), "none", "pid");
    assert.throws(
      () => claimPidFile(path),
      (error) => error instanceof HeddleError && error.code === "PID_FILE_TAKEN",
    );
  });
});
