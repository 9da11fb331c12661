import assert from "node:assert/strict";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, keep, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { startServer } from "../support/server.ts";

const app = (imports: string): string =>
  `import { text } from "${imports}";\nexport default (_: unknown, r: { end(t: string): void }): void => r.end(text);\n`;

test("--watch reloads when a module of the app changes, deep ones too, and survives broken code", async (t) => {
  const folder = tempFolder(t, {
    "app.ts": app("./middle.ts"),
    "middle.ts": 'export { text } from "./deep.ts";\n',
    "deep.ts": 'export const text = "one";\n',
    "other.ts": "",
  });
  const server = await serve(t, join(folder, "app.ts"), ["-t", "1", "--watch"]);
  assert.equal((await get(server.url)).body, "one");
  const idle = await keep(server.url);
  assert.match(await idle.ask("/"), /one$/);

  // The old worker may take a connection more before it hears that it is to leave.
  const answers = (text: string): Promise<unknown> =>
    until(async () => (await get(server.url)).body === text, `the answer ${JSON.stringify(text)}`);
  const save = async (name: string, text: string, then: RegExp): Promise<void> => {
    const mark = server.mark();
    // As editors do: write a new file, rename it over the old one.
    writeFileSync(join(folder, `${name}~`), text);
    renameSync(join(folder, `${name}~`), join(folder, name));
    await server.waitForLog(then, mark);
  };
  await save("deep.ts", 'export const text = "two";\n', /generation 2: serving/);
  await answers("two");
  await assert.rejects(
    idle.ask("/").then(() => idle.ask("/")),
    "an idle connection does not lead to old code",
  );

  await save("middle.ts", "export { text } from './deep.ts';\nconst x = ;\n", /middle\.ts.*importing the app failed/);
  await answers("two");
  await save("middle.ts", 'import { text } from "./new.ts";\nexport { text };\n', /did not get ready: .*new\.ts/);
  const mark = server.mark();
  writeFileSync(join(folder, "new.ts"), 'export const text = "mended";\n');
  await server.waitForLog(/generation 3: serving/, mark);
  await answers("mended");

  await save("deep.ts", "no longer imported", /$/);
  await save("new.ts", 'export const text = "last";\n', /generation 4: serving/);
  await answers("last");
  assert.doesNotMatch(server.stderr().slice(mark), /changed: .*deep\.ts/);
});

test("--watch waits for the mend when the app does not boot at first", async (t) => {
  const tried = join(tempFolder(t), "tried");
  const broken = `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(tried)}, ""); throw new Error("not yet");\n`;
  const file = join(tempFolder(t, { "app.ts": broken }), "app.ts");
  // The helper gives the server out only once it listens; that it waits shows in that it does not end.
  const starting = startServer(file, ["-t", "1", "--watch"]);
  starting.catch(() => {});
  await until(() => existsSync(tried), "the first boot");
  writeFileSync(file, 'export default (_: unknown, r: any): void => r.end("now");\n');
  const server = await starting;
  t.after(async () => void (await server.stop()));
  assert.match(server.stderr(), /app\.ts:1: importing the app failed.*not yet/);
  assert.match(server.stderr(), /waiting for a change in the app's files/);
  assert.equal((await get(server.url)).body, "now");
  assert.equal(server.stdout(), `listening on ${server.url}\n`, "told once");
});
