import assert from "node:assert/strict";
import { test } from "node:test";
import { CoalescedCommand } from "../../../src/server/arbiter/coalesced-command.ts";

test("who asks before a turn begins shares it; who asks later gets the next one", async () => {
  const runs: { begins: () => void; progress: (line: string) => void; end: (outcome: string) => void }[] = [];
  const turn = new CoalescedCommand<string>((begins, progress) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    runs.push({ begins, progress, end: resolve });
    return promise;
  });
  const lines: string[] = [];
  const tell = (line: string): void => void lines.push(line);
  const early = [turn.ask(tell), turn.ask(tell), turn.ask((line) => lines.push(`other: ${line}`))];
  assert.equal(runs.length, 1);
  runs[0]!.begins();
  const late = [turn.ask(tell), turn.ask(tell)];
  assert.equal(runs.length, 2);
  runs[0]!.progress("first");
  assert.deepEqual(lines, ["first", "other: first"]);
  runs[0]!.end("one");
  assert.deepEqual(await Promise.all(early), ["one", "one", "one"]);
  runs[1]!.begins();
  runs[1]!.end("two");
  assert.deepEqual(await Promise.all(late), ["two", "two"]);
});
