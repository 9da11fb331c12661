/** Supervisors, and requests to them. */

import assert from "node:assert/strict";
import * as actors from "../../../src/actors/index.ts";
import {
  anything,
  body,
  but,
  empty,
  noAddress,
  noFunction,
  noPid,
  refusal,
  refuses,
  tree,
  type Border,
} from "./refuses.ts";

const {
  countChildren,
  deleteChild,
  dynamicSupervisor,
  partition,
  partitionedSupervisor,
  restartChild,
  startChild,
  supervisor,
  supervisorTree,
  terminateChild,
  whichChildren,
} = actors as Readonly<Record<string, any>>;

export const supervisors: Border = {
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
