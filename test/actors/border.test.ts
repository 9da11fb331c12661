/** Every public function refuses what it cannot use, with one coded error that says what it got. Nothing ends later because of it. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inspect } from "node:util";
import * as actors from "../../src/actors/index.ts";
import { HeddleError } from "../../src/errors/errors.ts";
import { plainChild } from "../fixtures/actors/plain-child.ts";
import { newPuppet, reasonOf, settled } from "./support.ts";

const {
  actor,
  call,
  cancelTimer,
  cast,
  countChildren,
  createTable,
  deleteChild,
  dynamicSupervisor,
  exit,
  genServer,
  genStatem,
  getState,
  groups,
  isDown,
  isExit,
  observe,
  openTable,
  partition,
  partitionedSupervisor,
  pidEquals,
  processInfo,
  readTimer,
  register,
  registry,
  replaceState,
  reply,
  restartChild,
  resume,
  send,
  sendAfter,
  sendInterval,
  setCrashReporter,
  setMailboxLimits,
  setRunawayBudget,
  setSchedulerThreads,
  setSupervisorReporter,
  spawn,
  startChild,
  startWith,
  stop,
  supervisor,
  supervisorTree,
  suspend,
  terminateChild,
  trace,
  unregister,
  via,
  whereis,
  whichChildren,
} = actors as Readonly<Record<string, any>>;

const reports: unknown[] = [];
setCrashReporter(({ error }: actors.CrashReport) => reports.push(error));
setSupervisorReporter(() => {});
after(() => assert.deepEqual(reports, []));

const empty = {};
const anything: readonly unknown[] = [undefined, null, empty, 7, [], NaN, "x", Symbol("s"), () => {}];

/** Of all values, those that are not allowed here. */
function but(...allowed: readonly unknown[]): readonly unknown[] {
  return anything.filter(
    (value) => !allowed.some((each) => Object.is(each, value) || (typeof each === "string" && typeof value === each)),
  );
}

async function refusal(run: () => unknown): Promise<any> {
  try {
    return { returned: await run() };
  } catch (error) {
    return error;
  }
}

async function refuses(name: string, values: readonly unknown[], run: (value: any) => unknown): Promise<void> {
  for (const value of values) {
    const error = await refusal(() => run(value));
    const what = `${name} with ${inspect(value)}`;
    assert.ok(error instanceof HeddleError, `${what}: ${String(error?.stack ?? JSON.stringify(error))}`);
    assert.match(error.code, /^(ACTOR_INVALID|NAME_REFUSED|SUPERVISOR_INVALID|THREADS_INVALID)$/, what);
    assert.match(error.message, /got|is no name|, and is /, what);
  }
}

const noPid = but();
const noAddress = but("string");
const noText = but("string");
const noFunction = but("function");

const body = async (self: actors.Self): Promise<unknown> => await self.receive();
const pid = (await spawn(body)) as actors.Pid;
const tree = (await spawn(supervisor({ children: [{ id: "a", start: [body] }] }))) as actors.SupervisorPid;

const server = (await spawn(genServer({ init: () => 0, handleCall: () => ({ reply: 1 }) }))) as actors.Pid;
const machine = (await spawn(
  genStatem({ init: () => ({ state: "a", data: 0 }), states: { a: () => {} } }),
)) as actors.Pid;
const keyed = registry("border") as actors.Registry;

const functions: Readonly<Record<string, () => Promise<void>>> = {
  async send() {
    await refuses("to", noAddress, (to) => send(to, 1));
    await refuses("options", but(undefined, empty), (options) => send(pid, 1, options));
    await refuses(
      "transfer",
      but(undefined).filter((value) => !Array.isArray(value)),
      (transfer) => send(pid, 1, { transfer }),
    );
    await refuses("priority", but(undefined), (priority) => send(pid, 1, { priority }));
    await refuses("to with priority", noAddress, (to) => send(to, 1, { priority: true }));
  },
  async cast() {
    await refuses("to", noAddress, (to) => cast(to, 1));
  },
  async call() {
    await refuses("server", noAddress, (to) => call(to, 1));
    await refuses("timeout", but(undefined, 7), (timeoutMs) => call(pid, 1, timeoutMs));
  },
  async exit() {
    await refuses("to", noAddress, (to) => exit(to, "normal"));
    await refuses("reason", [undefined], (reason) => exit(pid, reason));
    assert.equal((await refusal(() => exit(pid, () => {}))).code, "NOT_CLONEABLE");
  },
  async reply() {
    await refuses("from", anything, (from) => reply(from, 1));
  },
  async isDown() {
    await refuses("ref", but(undefined, 7), (ref) => isDown({}, ref));
  },
  async isExit() {
    await refuses("from", but(undefined), (from) => isExit({}, from));
  },
  async pidEquals() {
    await refuses("a", noPid, (a) => pidEquals(a, pid));
    await refuses("b", noPid, (b) => pidEquals(pid, b));
  },
  async processInfo() {
    await refuses("pid", noPid, (of) => processInfo(of));
  },
  async register() {
    await refuses("name", noText, (name) => register(name, pid));
    await refuses("pid", noPid, (of) => register("a name", of));
    assert.equal(whereis("a name"), undefined);
  },
  async unregister() {
    await refuses("name", noText, (name) => unregister(name));
  },
  async whereis() {
    await refuses("name", noText, (name) => whereis(name));
  },
  async groups() {
    for (const verb of ["join", "leave"]) {
      await refuses(`${verb} group`, noText, (group) => groups[verb](group, pid));
      await refuses(`${verb} pid`, noPid, (of) => groups[verb]("group", of));
    }
    for (const verb of ["members", "localMembers", "publish"])
      await refuses(verb, noText, (group) => groups[verb](group));
  },
  async actor() {
    await refuses("url", but(), (url) => actor(url, "name", body));
    await refuses("name", noText, (name) => actor(import.meta.url, name, body));
    await refuses("body", noFunction, (fn) => actor(import.meta.url, "name", fn));
  },
  async setCrashReporter() {
    await refuses("reporter", but(undefined, "function"), (report) => setCrashReporter(report));
  },
  async setMailboxLimits() {
    await refuses("limits", but(empty), (limits) => setMailboxLimits(limits));
    await refuses("limit", [...but(undefined, 7), 0, -1, 1.5, -Infinity], (limit) => setMailboxLimits({ limit }));
    await refuses("overflow", but(undefined), (overflow) => setMailboxLimits({ overflow }));
  },
  async setRunawayBudget() {
    await refuses("budget", [...but(), "200", [200]], (budgetMs) => setRunawayBudget(budgetMs));
  },
  async setSchedulerThreads() {
    await refuses("threads", [...but(7), "7", 0, 1.5], (threads) => setSchedulerThreads(threads));
  },
  async spawn() {
    await refuses("what", noFunction, (what) => spawn(what));
    await refuses(
      "args",
      but(undefined).filter((value) => !Array.isArray(value)),
      (args) => spawn(body, args),
    );
    await refuses("options", but(undefined, empty), (options) => spawn(body, [], options));
    await refuses("link", [...but(undefined)], (link) => spawn(body, [], { link }));
    await refuses("monitor", [...but(undefined)], (monitor) => spawn(body, [], { monitor }));
    await refuses("name", noText.slice(1), (name) => spawn(body, [], { name }));
    await refuses("initTimeoutMs", but(undefined, 7), (initTimeoutMs) => spawn(body, [], { initTimeoutMs }));
    await refuses("on", [...but(undefined, 7), -1, 1.5], (on) => spawn(body, [], { on }));
    await refuses("mailbox", but(undefined, empty), (mailbox) => spawn(body, [], { mailbox }));
    await refuses("limit", [...but(undefined, 7), 0], (limit) => spawn(body, [], { mailbox: { limit } }));
    await refuses("overflow", but(undefined), (overflow) => spawn(body, [], { mailbox: { overflow } }));
  },
  async genServer() {
    await refuses("callbacks", anything, (callbacks) => genServer(callbacks));
    await refuses("init", noFunction, (init) => genServer({ init }));
    for (const name of ["handleCall", "handleCast", "handleInfo", "handleContinue", "handleTimeout", "terminate"])
      await refuses(name, but(undefined, "function"), (callback) => genServer({ init: () => 0, [name]: callback }));
  },
  async stop() {
    await refuses("server", noAddress, (server) => stop(server));
    await refuses("timeout", but(undefined, 7), (timeoutMs) => stop(pid, "normal", timeoutMs));
  },
  async supervisor() {
    await refuses("options", but(empty), (options) => supervisor(options));
    for (const name of ["strategy", "intensity", "periodMs", "autoShutdown", "children"]) {
      const allowed = name === "children" ? [undefined, ...anything.filter(Array.isArray)] : [undefined, 7];
      await refuses(
        name,
        name === "strategy" || name === "autoShutdown" ? [...but(undefined)] : but(...allowed),
        (value) => supervisor({ [name]: value }),
      );
    }
    await refuses("a child", anything, (child) => supervisor({ children: [child] }));
    const spec = { id: 1, start: [body] };
    const all = (change: object): unknown => supervisor({ children: [{ ...spec, ...change }] });
    await refuses("id", but(7, NaN, "string"), (id) => all({ id }));
    await refuses("start", but("function"), (start) => all({ start }));
    await refuses("started", noFunction, (what) => all({ start: [what] }));
    await refuses(
      "args",
      but(undefined).filter((value) => !Array.isArray(value)),
      (args) => all({ start: [body, args] }),
    );
    await refuses("start's options", but(undefined, empty), (options) => all({ start: [body, [], options] }));
    await refuses("start's initTimeoutMs", but(undefined, 7), (initTimeoutMs) =>
      all({ start: [body, [], { initTimeoutMs }] }),
    );
    await refuses("start's name", but(undefined, "string"), (name) => all({ start: [body, [], { name }] }));
    for (const name of ["restart", "type"]) await refuses(name, but(undefined), (value) => all({ [name]: value }));
    await refuses("shutdown", but(undefined, null, 7), (shutdown) => all({ shutdown }));
    await refuses("significant", but(undefined), (significant) => all({ significant }));
  },
  async dynamicSupervisor() {
    await refuses("options", anything, (options) => dynamicSupervisor(options));
    await refuses("child", anything, (child) => dynamicSupervisor({ child }));
    await refuses("maxChildren", [...but(undefined, 7), -1, 1.5, "7", [7]], (maxChildren) =>
      dynamicSupervisor({ child: { start: [body] }, maxChildren }),
    );
  },
  async partitionedSupervisor() {
    await refuses("options", anything, (options) => partitionedSupervisor(options));
    await refuses("child", anything, (child) => partitionedSupervisor({ child }));
    await refuses("start", anything, (start) => partitionedSupervisor({ child: { start } }));
    await refuses("started", anything, (what) => partitionedSupervisor({ child: { start: [what] } }));
  },
  async partition() {
    await refuses("supervisor", noAddress, (of) => partition(of, 1));
    await refuses("key", [...but(7, "string"), Infinity], (key) => partition(tree, key));
  },
  async supervisorTree() {
    await refuses("supervisor", noPid, (of) => supervisorTree(of));
  },
  async sendAfter() {
    await refuses("delay", but(7), (delayMs) => sendAfter(delayMs, pid, 1));
    await refuses("to", noAddress, (to) => sendAfter(0, to, 1));
    assert.equal((await refusal(() => sendAfter(0, pid, () => {}))).code, "NOT_CLONEABLE");
  },
  async sendInterval() {
    await refuses("period", [...but(7), 0, -1, Infinity], (everyMs) => sendInterval(everyMs, pid, 1));
    await refuses("to", noAddress, (to) => sendInterval(7, to, 1));
  },
  async cancelTimer() {
    await refuses("timer", anything, (timer) => cancelTimer(timer));
  },
  async readTimer() {
    await refuses("timer", anything, (timer) => readTimer(timer));
  },
  async startWith() {
    await refuses("next", but(empty), (next) => startWith(0, next));
    await refuses("idleTimeoutMs", but(undefined, 7), (idleTimeoutMs) => startWith(0, { idleTimeoutMs }));
  },
  async genStatem() {
    await refuses("callbacks", anything, (callbacks) => genStatem(callbacks));
    const init = () => ({ state: "a", data: 0 });
    await refuses("init", noFunction, (wrong) => genStatem({ init: wrong, states: {} }));
    await refuses("states", but(empty), (states) => genStatem({ init, states }));
    await refuses("a state", noFunction, (a) => genStatem({ init, states: { a } }));
    await refuses("handleEvent", noFunction, (handleEvent) => genStatem({ init, handleEvent }));
    await refuses("both", [{}], (states) => genStatem({ init, states, handleEvent: () => {} }));
    await refuses("enterCalls", but(undefined), (enterCalls) => genStatem({ init, states: {}, enterCalls }));
    await refuses("terminate", but(undefined, "function"), (terminate) => genStatem({ init, states: {}, terminate }));
  },
  async setSupervisorReporter() {
    await refuses("reporter", but(undefined, "function"), (report) => setSupervisorReporter(report));
  },
  async observe() {
    await refuses("options", but(undefined, empty), (options) => observe(options));
    await refuses("limit", [...but(undefined, 7), -1, "7"], (limit) => observe({ limit }));
    await refuses("timeoutMs", but(undefined, 7), (timeoutMs) => observe({ timeoutMs }));
  },
  async "requests to servers"() {
    for (const ask of [getState, suspend, resume]) {
      await refuses(ask.name, noAddress, (of) => ask(of));
      await refuses(`${ask.name} timeout`, but(undefined, 7), (timeoutMs) => ask(server, timeoutMs));
    }
    await refuses("replaceState", noAddress, (of) => replaceState(of, () => 0));
    await refuses("its change", noFunction, (change) => replaceState(server, change));
    await refuses("its timeout", but(undefined, 7), (timeoutMs) => replaceState(server, () => 0, timeoutMs));
    await refuses("a machine's", anything, (state) => replaceState(machine, () => state));
    await refuses(
      "its state",
      anything.filter((value) => value !== "a"),
      (state) => replaceState(machine, () => ({ state, data: 0 })),
    );
    await refuses("a supervisor's", [0], (state) => replaceState(tree, () => state));
    await refuses("trace", noAddress, (of) => trace(of, () => {}));
    await refuses("its listener", noFunction, (listener) => trace(server, listener));
    await refuses("its timeout", but(undefined, 7), (timeoutMs) => trace(server, () => {}, timeoutMs));
    assert.equal(await getState(server), 0);
    assert.deepEqual(await getState(machine), { state: "a", data: 0 });
  },
  async registry() {
    await refuses("name", [...noText, ""], (name) => registry(name));
    await refuses("options", but(undefined, empty), (options) => registry("border", options));
    await refuses("keys", but(undefined), (keys) => registry("border", { keys }));
    await refuses("other keys", ["duplicate"], (keys) => registry("border", { keys }));
    for (const verb of ["register", "unregister", "setValue"] as const) {
      await refuses(`${verb} key`, but(7, "string"), (key) => keyed[verb](key, pid, 1));
      await refuses(`${verb} pid`, noPid, (of) => keyed[verb]("key", of, 1));
    }
    assert.equal((await refusal(() => keyed.register("key", pid, () => {}))).code, "NOT_CLONEABLE");
    for (const verb of ["lookup", "whereis", "publish"] as const)
      await refuses(verb, but(7, "string"), (key) => keyed[verb](key, 1));
    await refuses("keysOf", noPid, (of) => keyed.keysOf(of));
    assert.equal(keyed.size, 0);
  },
  async via() {
    await refuses("registry", anything, (of) => via(of, "key"));
    await refuses("a registry with other keys", ["duplicate"], (keys) =>
      via(registry("border: many", { keys }), "key"),
    );
    await refuses("key", but(7, "string"), (key) => via(keyed, key));
    const code = "NOT_CLONEABLE";
    assert.equal((await refusal(() => spawn(body, [], { name: via(keyed, "key", () => {}) }))).code, code);
  },
  async createTable() {
    await refuses("owner", noPid, (owner) => createTable(owner, "border"));
    await refuses("name", [...noText, ""], (name) => createTable(pid, name));
    await refuses("options", but(undefined, empty), (options) => createTable(pid, "border", options));
    await refuses("access", but(undefined), (access) => createTable(pid, "border", { access }));
    await refuses("heir", but(undefined), (heir) => createTable(pid, "border", { heir }));
    const table = await createTable(pid, "border");
    const noKey = but(7, "string");
    for (const verb of ["get", "has", "delete", "set", "insertNew", "add"])
      await refuses(`${verb} key`, noKey, (key) => table[verb](key, 1));
    await refuses("by", but(7, NaN), (by) => table.add("key", by));
    for (const verb of ["set", "insertNew", "add"]) {
      await refuses(`${verb} options`, but(undefined, empty), (options) => table[verb]("key", 1, options));
      await refuses(`${verb} everywhere`, but(undefined), (everywhere) => table[verb]("key", 1, { everywhere }));
    }
    await refuses("delete options", but(undefined, empty), (options) => table.delete("key", options));
    await refuses("clear options", but(undefined, empty), (options) => table.clear(options));
    assert.equal((await refusal(() => table.set("key", () => {}))).code, "NOT_CLONEABLE");
  },
  async openTable() {
    await refuses("name", [...noText, ""], (name) => openTable(name));
  },
  async "requests to supervisors"() {
    for (const ask of [countChildren, whichChildren]) await refuses(ask.name, noAddress, (of) => ask(of));
    for (const ask of [terminateChild, restartChild, deleteChild]) {
      await refuses(ask.name, noAddress, (of) => ask(of, "a"));
      await refuses(`${ask.name} child`, but(7, NaN, "string"), (child) => ask(tree, child));
    }
    await refuses("startChild", noAddress, (of) => startChild(of, { id: "b", start: [body] }));
    await refuses(
      "a child",
      but(empty, ...anything.filter(Array.isArray)).filter((value) => typeof value !== "object" || value === null),
      (child) => startChild(tree, child),
    );
    for (const spec of [{}, [], { id: "b" }, { id: "b", start: [7] }]) {
      const { code, reason } = await refusal(() => startChild(tree, spec));
      assert.deepEqual([code, reason.code], ["SUPERVISOR_REFUSED", "SUPERVISOR_INVALID"]);
    }
    assert.equal((await countChildren(tree)).active, 1);
  },
};

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
  const total = new Set(["isPid", "isCleanExit", "registered", "schedulerThreads", "thisThreadId", "ignore"]);
  const requests = ["countChildren", "whichChildren", "terminateChild", "restartChild", "deleteChild", "startChild"];
  const looks = ["getState", "replaceState", "suspend", "resume", "trace"];
  const seen = new Set([...Object.keys(functions), ...requests, ...looks, ...total]);
  const classes = [
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
