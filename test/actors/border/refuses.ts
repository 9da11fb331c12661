/** How the tests of the border ask, and whom. Wrong arguments are of no type, so the public functions are seen without types. */

import assert from "node:assert/strict";
import { inspect } from "node:util";
import * as actors from "../../../src/actors/index.ts";
import { HeddleError } from "../../../src/errors/errors.ts";

const { genServer, genStatem, registry, spawn, supervisor } = actors as Readonly<Record<string, any>>;

/** For each public function, or group of them, what it refuses. */
export type Border = Readonly<Record<string, () => Promise<void>>>;

export const empty: object = {};
export const anything: readonly unknown[] = [undefined, null, empty, 7, [], NaN, "x", Symbol("s"), () => {}];

/** Of all values, those that are not allowed here. */
export function but(...allowed: readonly unknown[]): readonly unknown[] {
  return anything.filter(
    (value) => !allowed.some((each) => Object.is(each, value) || (typeof each === "string" && typeof value === each)),
  );
}

export async function refusal(run: () => unknown): Promise<any> {
  try {
    return { returned: await run() };
  } catch (error) {
    return error;
  }
}

export async function refuses(name: string, values: readonly unknown[], run: (value: any) => unknown): Promise<void> {
  for (const value of values) {
    const error = await refusal(() => run(value));
    const what = `${name} with ${inspect(value)}`;
    assert.ok(error instanceof HeddleError, `${what}: ${String(error?.stack ?? JSON.stringify(error))}`);
    assert.match(error.code, /^(ACTOR_INVALID|NAME_REFUSED|SUPERVISOR_INVALID|THREADS_INVALID)$/, what);
    assert.match(error.message, /got|is no name|, and is /, what);
  }
}

export const noPid: readonly unknown[] = but();
export const noAddress: readonly unknown[] = but("string");
export const noText: readonly unknown[] = but("string");
export const noFunction: readonly unknown[] = but("function");

export const body: (self: actors.Self) => Promise<unknown> = async (self) => await self.receive();
export const pid: actors.Pid = (await spawn(body)) as actors.Pid;
export const tree: actors.SupervisorPid = (await spawn(
  supervisor({ children: [{ id: "a", start: [body] }] }),
)) as actors.SupervisorPid;

export const server: actors.Pid = (await spawn(
  genServer({ init: () => 0, handleCall: () => ({ reply: 1 }) }),
)) as actors.Pid;
export const machine: actors.Pid = (await spawn(
  genStatem({ init: () => ({ state: "a", data: 0 }), states: { a: () => {} } }),
)) as actors.Pid;
export const keyed: actors.Registry = registry("border") as actors.Registry;
