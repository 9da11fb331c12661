/** A state machine for the tests of its rules. */

import { genStatem, getState, spawn, type Pid, type StateAnswer, type StateEvent } from "../../../src/actors/index.ts";

export type Script = (event: StateEvent, state: any, data: any) => StateAnswer | void;

/** A machine that notes each event and its state, and answers what the event's message says, or what `script` does. */
export async function machine(
  script: Script = () => {},
  first: object = {},
  enterCalls = false,
): Promise<{ pid: Pid; log: string[] }> {
  const log: string[] = [];
  const body = genStatem({
    init: () => ({ state: "a" as any, data: 0, ...first }),
    enterCalls,
    handleEvent: (event, state, data) => {
      const what = "message" in event ? JSON.stringify(event.message) : "request" in event ? event.request : "";
      log.push(`${JSON.stringify(state)} ${event.type}${what === "" ? "" : ` ${what}`}`.replaceAll('"', ""));
      const own = script(event, state, data);
      if (own !== undefined) return own;
      return event.type === "cast" ? event.message : undefined;
    },
  });
  const pid = (await spawn(body)) as Pid;
  return { pid, log };
}

/** When all that was sent before has been handled. */
export async function handled(pid: Pid): Promise<void> {
  await getState(pid);
}
