/** Supervisors of children that write a journal of their starts and ends. */

import assert from "node:assert/strict";
import {
  spawn,
  supervisor,
  whichChildren,
  type ChildSpec,
  type Pid,
  type SupervisorOptions,
  type SupervisorPid,
} from "../../src/actors/index.ts";
import { child, type ChildOptions } from "../fixtures/actors/child.ts";
import { newPuppet, next, tell } from "./support.ts";

/** The events of children, in order: "a starts", "a stops shutdown". */
export class Journal {
  readonly pid: Pid;
  constructor(pid: Pid) {
    this.pid = pid;
  }
  static async open(): Promise<Journal> {
    return new Journal(await newPuppet());
  }
  async expect(...events: string[]): Promise<void> {
    for (const event of events) assert.equal(await next(this.pid), event);
  }
  async isQuiet(): Promise<void> {
    assert.deepEqual(await tell(this.pid, { do: "unseen" }), []);
  }
}

export type Kind = Partial<ChildSpec> & { readonly how?: ChildOptions };

export function specFor(journal: Journal, on: "here" | number): (id: string, kind?: Kind) => ChildSpec {
  return (id, { how = {}, ...rest } = {}) => ({ id, start: [child, [id, journal.pid, how], { on }], ...rest });
}

export async function pidOf(tree: SupervisorPid, id: string): Promise<Pid> {
  const found = (await whichChildren(tree)).find((each) => each.id === id)?.pid;
  assert.ok(found !== undefined && found !== "restarting", `${id} does not run`);
  return found;
}

/** Watches the supervisor from now on; the result waits for the reason it exits with. */
export async function watchEnd(tree: Pid): Promise<() => Promise<unknown>> {
  const watcher = await newPuppet();
  await tell(watcher, { do: "monitor", pid: tree });
  return async () => (await next(watcher)).reason;
}

/** A supervisor of these children, and its exit. */
export async function startTree(
  options: SupervisorOptions,
): Promise<{ tree: SupervisorPid; end: () => Promise<unknown> }> {
  const watcher = await newPuppet();
  const tree = await spawn(supervisor(options), [], { monitor: watcher });
  return { tree, end: async () => (await next(watcher)).reason };
}
