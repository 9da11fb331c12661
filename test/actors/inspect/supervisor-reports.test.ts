import assert from "node:assert/strict";
import { mock, test } from "node:test";
import {
  call,
  dynamicSupervisor,
  exit,
  genServer,
  setCrashReporter,
  setSupervisorReporter,
  spawn,
  startChild,
  stop,
  supervisor,
  terminateChild,
  whereis,
  whichChildren,
  type CrashReport,
  type Pid,
  type Self,
  type SupervisorReport,
} from "../../../src/actors/index.ts";
import { reportText } from "../../../src/actors/inspect/supervisor-reports.ts";
import { exitOf } from "../support.ts";

const worker = genServer({
  init: (self) => {
    self.trapExit = true;
    return 0;
  },
  handleCall: (request: "crash" | "end" | "ping") => {
    if (request === "crash") throw new Error("told to");
    return request === "end" ? { stop: "normal", reply: "ended" } : { reply: "pong" };
  },
  handleInfo: (reason: unknown) => ({ stop: reason as string }),
});

/** The reports and crash reports while `run` runs, as short texts. */
async function reportsOf(run: () => Promise<void>): Promise<{ reports: SupervisorReport[]; crashes: CrashReport[] }> {
  const reports: SupervisorReport[] = [];
  const crashes: CrashReport[] = [];
  setSupervisorReporter((report) => reports.push(report));
  setCrashReporter((report) => crashes.push(report));
  try {
    await run();
  } finally {
    setSupervisorReporter(() => {});
    setCrashReporter(() => {});
  }
  return { reports, crashes };
}

const short = ({ type, path }: SupervisorReport): string => `${type} ${path.join("/")}`;

const crashIn = async (name: string): Promise<void> => {
  await assert.rejects(call(name as never, "crash" as never));
  while (whereis(name) === undefined) await new Promise(setImmediate);
};

test("a child that fails and is restarted is reported twice, with its path from the root", async () => {
  const inner = supervisor({ children: [{ id: "lobby", start: [worker, [], { name: "reports: lobby" }] }] });
  const outer = supervisor({ children: [{ id: "rooms", type: "supervisor", start: [inner] }] });
  let old: Pid | undefined;
  const { reports, crashes } = await reportsOf(async () => {
    const pid = await spawn(outer, [], { name: "app" });
    old = whereis("reports: lobby");
    await crashIn("reports: lobby");
    await stop(pid);
  });
  assert.deepEqual(reports.map(short), ["child_ended app/rooms/lobby", "child_restarted app/rooms/lobby"]);
  assert.equal(reports[0]!.child, old);
  assert.notEqual(reports[1]!.child, old);
  assert.match(reportText(reports[0]!), /^child app\/rooms\/lobby <\d+\.\d+> ended: Error: told to; it is restarted$/);
  assert.match(reportText(reports[1]!), /^child app\/rooms\/lobby was restarted as <\d+\.\d+>$/);
  assert.deepEqual(
    crashes.map(({ path }) => path),
    [["app", "rooms", "lobby"]],
  );
});

test("a supervisor that gives up says so, and its own supervisor reports it as a child that ended", async () => {
  const inner = supervisor({
    intensity: 1,
    children: [{ id: "lobby", start: [worker, [], { name: "reports: weak" }] }],
  });
  const { reports } = await reportsOf(async () => {
    const pid = await spawn(supervisor({ children: [{ id: "rooms", type: "supervisor", start: [inner] }] }), [], {
      name: "app",
    });
    await crashIn("reports: weak");
    await crashIn("reports: weak");
    await stop(pid);
  });
  assert.deepEqual(reports.map(short), [
    "child_ended app/rooms/lobby",
    "child_restarted app/rooms/lobby",
    "child_ended app/rooms/lobby",
    "gave_up app/rooms/lobby",
    "child_ended app/rooms",
    "child_restarted app/rooms",
  ]);
  assert.match(
    reportText(reports[3]!),
    /^supervisor app\/rooms <\d+\.\d+> gives up: more than 1 restart in 5000 ms\. It ends .* app\/rooms\/lobby <\d+\.\d+>: Error: told to$/,
  );
  assert.equal(reports[4]!.reason, "shutdown");
});

test("what should end, and ends as it should, is not reported", async () => {
  const tree = supervisor({
    children: [
      { id: "transient", start: [worker, [], { name: "reports: t" }], restart: "transient" },
      { id: "permanent", start: [worker] },
      { id: "killed", start: [worker], shutdown: "brutal_kill" },
    ],
  });
  const { reports } = await reportsOf(async () => {
    const pid = await spawn(tree);
    await call("reports: t" as never, "end" as never);
    await terminateChild(pid, "permanent");
    await stop(pid);
  });
  assert.deepEqual(reports, []);
});

test("a child that does not start is reported, at first and at a restart", async () => {
  const starts = { count: 0 };
  const moody = genServer({
    init: () => {
      starts.count += 1;
      if (starts.count === 2) throw new Error("not now");
      return 0;
    },
    handleCall: () => ({ stop: "tired", reply: 1 }),
  });
  const { reports } = await reportsOf(async () => {
    const pid = await spawn(
      supervisor({ intensity: 5, children: [{ id: "moody", start: [moody, [], { name: "moody" }] }] }),
      [],
      {
        name: "app",
      },
    );
    await call("moody" as never, 1 as never);
    while (starts.count < 3 || whereis("moody") === undefined) await new Promise(setImmediate);
    await whichChildren(pid);
    await stop(pid);
    const failing = genServer({ init: () => Promise.reject(new Error("never")) });
    await assert.rejects(spawn(supervisor({ children: [{ id: "failing", start: [failing] }] }), [], { name: "app" }));
  });
  assert.deepEqual(reports.map(short), [
    "child_ended app/moody",
    "start_failed app/moody",
    "child_restarted app/moody",
    "start_failed app/failing",
  ]);
  assert.match(reportText(reports[1]!), /^child app\/moody has not started: Error: not now; it is tried again$/);
});

test("a child that does not stop as it is told is reported", async () => {
  const stubborn = async (self: Self): Promise<void> => {
    self.trapExit = true;
    for (;;) await self.receive();
  };
  const wayward = async (self: Self): Promise<void> => {
    self.trapExit = true;
    await self.receive();
    self.exit("in my own way");
  };
  const { reports } = await reportsOf(async () => {
    const children = [
      { id: "stubborn", start: [stubborn] as const, shutdown: 1 },
      { id: "wayward", start: [wayward] as const },
    ];
    await stop(await spawn(supervisor({ children }), [], { name: "app" }));
  });
  assert.deepEqual(
    reports.map((report) => [short(report), report.reason]),
    [
      ["stop_failed app/wayward", "in my own way"],
      ["stop_failed app/stubborn", "killed"],
    ],
  );
});

test("a dynamic supervisor's child has its pid for an id", async () => {
  let child: Pid | undefined;
  const { reports, crashes } = await reportsOf(async () => {
    const pid = await spawn(dynamicSupervisor({ child: { start: [worker], restart: "temporary" } }), [], {
      name: "rooms",
    });
    child = await startChild(pid, []);
    const ended = exitOf(child!);
    await assert.rejects(call(child as never, "crash" as never));
    await ended;
    await whichChildren(pid);
    await stop(pid);
  });
  assert.deepEqual(reports.map(short), [`child_ended rooms/${child!.toString()}`]);
  assert.equal(reports[0]!.restarts, false);
  assert.deepEqual(
    crashes.map(({ path }) => path),
    [["rooms", child!.toString()]],
  );
});

test("a child that a function spawns has a path too", async () => {
  const tree = supervisor({
    children: [{ id: "own", start: (parent: Pid) => spawn(worker, [], { link: parent, name: "reports: own" }) }],
  });
  const { crashes } = await reportsOf(async () => {
    const pid = await spawn(tree, [], { name: "app" });
    await crashIn("reports: own");
    await stop(pid);
  });
  assert.deepEqual(
    crashes.map(({ path }) => path),
    [["app", "own"]],
  );
});

test("a reporter that throws does not harm the supervisor, and the report is written to stderr", async () => {
  const written = mock.method(console, "error", () => {});
  setCrashReporter(() => {});
  setSupervisorReporter(() => {
    throw new Error("the reporter is broken");
  });
  try {
    const pid = await spawn(supervisor({ children: [{ id: "a", start: [worker, [], { name: "reports: a" }] }] }), [], {
      name: "app",
    });
    await crashIn("reports: a");
    await stop(pid);
    assert.match(String(written.mock.calls[0]!.arguments[0]), /^heddle: child app\/a /);
    // Without a reporter, each report is a line on stderr.
    setSupervisorReporter(undefined);
    written.mock.resetCalls();
    const other = await spawn(supervisor({ children: [{ id: "a", start: [worker, [], { name: "reports: a" }] }] }));
    exit("reports: a", "kill");
    while (whereis("reports: a") === undefined) await new Promise(setImmediate);
    await stop(other);
    assert.match(
      String(written.mock.calls[0]!.arguments[0]),
      /^heddle: child <\d+\.\d+>\/a <\d+\.\d+> ended: killed; it is restarted$/,
    );
  } finally {
    written.mock.restore();
    setSupervisorReporter(() => {});
  }
});
