/** Every public function refuses what it cannot use, with one coded error that says what it got. Nothing ends later because of it. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as actors from "../../src/actors/index.ts";
import { plainChild } from "../fixtures/actors/plain-child.ts";
import { messages } from "./border/messages.ts";
import { names } from "./border/names.ts";
import { body, but, empty, keyed, noAddress, noPid, refusal, refuses, type Border } from "./border/refuses.ts";
import { servers } from "./border/servers.ts";
import { supervisors } from "./border/supervisors.ts";
import { newPuppet, reasonOf, settled } from "./support.ts";

const {
  call,
  cancelTimer,
  cast,
  countChildren,
  deleteChild,
  exit,
  genServer,
  getState,
  partition,
  replaceState,
  restartChild,
  resume,
  send,
  sendAfter,
  sendInterval,
  setCrashReporter,
  setSupervisorReporter,
  spawn,
  startChild,
  stop,
  supervisor,
  suspend,
  terminateChild,
  trace,
  via,
  whichChildren,
} = actors as Readonly<Record<string, any>>;

const reports: unknown[] = [];
setCrashReporter(({ error }: actors.CrashReport) => reports.push(error));
setSupervisorReporter(() => {});
after(() => assert.deepEqual(reports, []));

const functions: Border = { ...messages, ...names, ...servers, ...supervisors };

for (const [name, check] of Object.entries(functions)) {
  test(`${name} refuses arguments that are wrong`, async () => {
    await check();
    await settled();
  });
}

test("an actor's own methods refuse arguments that are wrong, and it goes on", async () => {
  const reason = await reasonOf(async (of: actors.Self) => {
    const self = of as any;
    const other = await newPuppet();
    for (const name of ["link", "unlink"]) await refuses(name, noPid, (to) => self[name](to));
    await refuses("monitor", noAddress, (to) => self.monitor(to));
    await refuses("demonitor", but(7), (ref) => self.demonitor(ref));
    await refuses("its options", but(undefined, empty), (options) => self.demonitor(7, options));
    await refuses("exit to", noPid, (to) => self.exit(to, "normal"));
    await refuses("exit with", [undefined], (reason) => self.exit(other, reason));
    await refuses("exit", [undefined], (reason) => self.exit(reason));
    assert.equal((await refusal(() => self.exit(other, () => {}))).code, "NOT_CLONEABLE");
    await refuses("trapExit", but(), (value) => {
      self.trapExit = value;
    });
    await refuses("acceptPriority", but(), (value) => {
      self.acceptPriority = value;
    });
    await refuses("call", noAddress, (to) => self.call(to, 1));
    await refuses("its timeout", but(undefined, 7), (timeoutMs) => self.call(other, 1, timeoutMs));
    await refuses("receive", but(undefined, "function"), (match) => self.receive(match));
    await refuses("receive's options", but(undefined), (options) => self.receive(() => true, options));
    await refuses("its timeoutMs", but(undefined, 7), (timeoutMs) => self.receive({ timeoutMs }));
    assert.equal((await refusal(() => self.call(other, () => {}))).code, "NOT_CLONEABLE");
    self.exit("done");
  });
  assert.equal(reason, "done");
});

test("a start function that returns no pid fails the start, and says so", async () => {
  for (const returned of [undefined, null, {}, 7, "x"]) {
    const start = async (): Promise<any> => returned;
    const { code, reason } = await refusal(() => spawn(supervisor({ children: [{ id: "a", start }] })));
    assert.equal(code, "ACTOR_START_FAILED");
    const { reason: why } = reason.shutdown;
    assert.equal(why.code, "ACTOR_INVALID");
    assert.match(why.message, /the result of start of the child a must be a pid or ignore, and got/);
  }
});

test("an address in a registry may stand wherever a pid or a name may stand", async () => {
  const at = (key: string): any => via(keyed, key);
  const spawned: [string, unknown][] = [
    ["plain", body],
    [
      "server",
      genServer({ init: () => 0, handleCall: () => ({ reply: 1 }), handleCast: () => {}, handleInfo: () => {} }),
    ],
    ["tree", supervisor({ children: [{ id: "a", start: [body] }] })],
  ];
  for (const [key, what] of spawned) await spawn(what, [], { name: at(key) });
  const none = at("nobody");
  send(at("server"), 1);
  assert.equal((await refusal(() => send(none, 1))).code, "NAME_UNKNOWN");
  assert.equal((await refusal(() => send(none, 1, { priority: true }))).code, "NAME_UNKNOWN");
  assert.equal((await refusal(() => exit(none, "normal"))).code, "NAME_UNKNOWN");
  cast(at("server"), 1);
  cast(none, 1);
  assert.equal(await call(at("server"), 1), 1);
  assert.equal(await getState(at("server")), 0);
  await replaceState(at("server"), () => 5);
  await suspend(at("server"));
  await resume(at("server"));
  await (await trace(at("server"), () => {}))();
  cancelTimer(sendAfter(1000, at("server"), 1));
  cancelTimer(sendInterval(1000, at("server"), 1));
  assert.equal((await countChildren(at("tree"))).active, 1);
  assert.equal((await whichChildren(at("tree"))).length, 1);
  await partition(at("tree"), 0);
  await startChild(at("tree"), { id: "b", start: [plainChild] });
  await terminateChild(at("tree"), "b");
  await restartChild(at("tree"), "b");
  await terminateChild(at("tree"), "b");
  await deleteChild(at("tree"), "b");
  for (const ask of [call, getState, suspend, resume, stop, countChildren, whichChildren]) {
    const { code, reason, message } = await refusal(() => ask(none));
    assert.deepEqual([code, reason], ["ACTOR_CALL_FAILED", "noproc"], ask.name);
    assert.match(message, /border\/nobody/);
  }
  const reason = await reasonOf(async (self: actors.Self) => {
    assert.equal(await self.call(at("server"), 1 as never), 1);
    self.monitor(at("plain"));
    exit(at("plain"), "kill");
    assert.equal(((await self.receive()) as actors.DownMessage).reason, "killed");
    self.monitor(none);
    assert.equal(((await self.receive()) as actors.DownMessage).reason, "noproc");
    await refuses("link", [at("server")], (to) => self.link(to));
    self.exit("done");
  });
  assert.equal(reason, "done");
  await stop(at("server"));
  await stop(at("tree"));
  assert.equal(keyed.size, 0);
});

test("every public function is among them", () => {
  const total = new Set([
    "isPid",
    "isCleanExit",
    "registered",
    "schedulerThreads",
    "thisThreadId",
    "ignore",
    "currentActor",
  ]);
  const requests = ["countChildren", "whichChildren", "terminateChild", "restartChild", "deleteChild", "startChild"];
  const looks = ["getState", "replaceState", "suspend", "resume", "trace"];
  const seen = new Set([...Object.keys(functions), ...requests, ...looks, ...total]);
  const classes = [
    // Takes no arguments.
    "findLeakedActors",
    "Registry",
    "Table",
    "TableMessage",
    "Via",
    "Actor",
    "ExitError",
    "DownMessage",
    "ExitMessage",
    "CallMessage",
    "CastMessage",
    "From",
    "Pid",
  ];
  assert.deepEqual(
    Object.keys(actors).filter((name) => !seen.has(name) && !classes.includes(name)),
    [],
  );
});
