/** What a program of actors tells of itself: reports of supervisors, states, traces, the tree and its mailboxes. */

import {
  call,
  cast,
  genServer,
  getState,
  observe,
  replaceState,
  resume,
  send,
  setCrashReporter,
  setSupervisorReporter,
  spawn,
  stop,
  supervisor,
  suspend,
  trace,
  whereis,
  type ObservedNode,
  type Pid,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"

setCrashReporter(({ path, error }) => console.log(`crash in ${path?.join("/")}: ${(error as Error).message}`));
setSupervisorReporter(({ type, path }) => console.log(`${type}: ${path.join("/")}`));

const loom = genServer({
  init: (self) => {
    self.acceptPriority = true;
    return { woven: 0 };
  },
  handleCast: (rows: number, { woven }) => {
    if (rows < 0) throw new Error("cannot unweave");
    return { state: { woven: woven + rows } };
  },
  handleCall: (_request: "woven", state) => ({ reply: state.woven }),
  handleInfo: (message: string) => console.log(`the loom was told: ${message}`),
});

const hall = supervisor({
  intensity: 3,
  children: [
    { id: "left", start: [loom, [], { name: "left loom" }] },
    { id: "right", start: [loom, [], { name: "right loom" }] },
  ],
});
const mill = await spawn(supervisor({ children: [{ id: "hall", type: "supervisor", start: [hall] }] }), [], {
  name: "mill",
});

// A child that crashes is reported with its place in the tree, and so is its restart.
cast("left loom", -1);
await call("left loom", "woven").catch(() => {});
while (whereis("left loom") === undefined) await new Promise(setImmediate);

// The state of any server, and a trace of what it does.
const events: string[] = [];
const end = await trace("left loom", ({ what, value }) => events.push(`${what} ${JSON.stringify(value)}`));
cast("left loom", 3);
await replaceState<{ woven: number }>("left loom", ({ woven }) => ({ woven: woven + 100 }));
console.log("state:", await getState("left loom"));
await end();
console.log(events.join("\n"));

// While it is suspended, messages wait. A priority message goes before them.
await suspend("left loom");
send("left loom", "an ordinary message");
send("left loom", "a priority message", { priority: true });
for (let i = 0; i < 5; i++) cast("left loom", 1);

const seen = await observe();
const draw = ({ path, kind, mailboxLength, children }: ObservedNode, indent = ""): void => {
  console.log(`${indent}${path ?? "mill"}: ${kind}, ${mailboxLength} messages`);
  for (const child of children.toSorted((a, b) => (a.path! < b.path! ? -1 : 1))) draw(child, `${indent}  `);
};
for (const tree of seen.trees) draw(tree);
const [longest] = seen.longestMailboxes;
console.log(`${longest!.name} has waited for less than a minute: ${longest!.oldestMessageMs! < 60_000}`);

await resume("left loom");
console.log("woven:", await call("left loom", "woven"));
await stop(mill as Pid);
