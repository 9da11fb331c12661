/**
 * What the type checker accepts and refuses of `heddle/actors`. `npm run check:types` is the test. Each line below a
 * `@ts-expect-error` must be an error, and no other line may be.
 */

import {
  actor,
  call,
  cast,
  genServer,
  isDown,
  send,
  spawn,
  supervisor,
  whichChildren,
  type Actor,
  type DownMessage,
  type Pid,
  type Self,
  type ServerPid,
} from "../../src/actors/index.ts";

type Line = { readonly from: string; readonly text: string };

/** Only has to type-check; nobody calls it. */
export async function messagesFlow(): Promise<void> {
  const room: Actor<[title: string, size: number], Pid<Line>> = actor(
    import.meta.url,
    "room",
    async (self: Self<Line>, title: string, size: number) => {
      const line = await self.receive();
      const text: string = line.text + title + size;
      const maybe: Line | undefined = await self.receive({ timeoutMs: 10 });
      // @ts-expect-error with a timeout there may be no message
      const sure: Line = await self.receive({ timeoutMs: 10 });
      const down: DownMessage = await self.receive((message) => isDown(message));
      return { text, maybe, sure, down };
    },
  );
  const pid = await spawn(room, ["lobby", 10]);
  send(pid, { from: "me", text: "hello" });
  // @ts-expect-error no such message
  send(pid, { from: "me" });
  // @ts-expect-error a room takes a title and a size
  await spawn(room, ["lobby"]);
  // @ts-expect-error in this order
  await spawn(room, [10, "lobby"]);
  // @ts-expect-error and at all
  await spawn(room);
  const local: Pid<number> = await spawn(async (self: Self<number>) => (await self.receive()).toFixed());
  send(local, 1);
  // @ts-expect-error it receives numbers
  send(local, "1");
  // @ts-expect-error a pid that takes numbers is none that takes lines
  const wrong: Pid<Line> = local;
  send(wrong, { from: "", text: "" });
}

export async function repliesFlow(): Promise<void> {
  const counter = genServer({
    init: (_self, first: number) => ({ n: first }),
    handleCall: (request: "get" | "double", state) => ({ reply: request === "get" ? state.n : state.n * 2 }),
    handleCast: (message: { add: number }, state) => ({ state: { n: state.n + message.add } }),
    handleInfo: (message: "reset") => void message,
  });
  const pid = await spawn(counter, [1]);
  const n: number = await call(pid, "get");
  // @ts-expect-error the reply is a number
  const text: string = await call(pid, "get");
  // @ts-expect-error no such request
  await call(pid, "put");
  cast(pid, { add: n });
  // @ts-expect-error no such cast
  cast(pid, { subtract: text });
  send(pid, "reset");
  // @ts-expect-error no such message
  send(pid, "restart");
  // @ts-expect-error init takes a number
  await spawn(counter, ["1"]);
  // @ts-expect-error a room is no server
  await call(await spawn(async (self: Self<Line>) => self.receive()), "get");

  const store = pid as unknown as ServerPid<["size", number] | [{ readonly get: string }, string | undefined]>;
  const size: number = await call(store, "size");
  const value: string | undefined = await call(store, { get: `${size}` });
  // @ts-expect-error each request has its own reply
  const mixed: number = await call(store, { get: "key" });
  void [value, mixed];

  const boss = await spawn(supervisor({}));
  await whichChildren(boss);
  // @ts-expect-error a supervisor is asked with functions of its own
  await call(boss, { op: "whichChildren" });
  // @ts-expect-error and is cast nothing
  cast(boss, "x");
}

export function optionsAreChecked(): void {
  supervisor({ strategy: "one_for_all", children: [{ id: "a", start: [async () => {}] }] });
  // @ts-expect-error no such strategy
  supervisor({ strategy: "one_for_none" });
  // @ts-expect-error a child needs an id
  supervisor({ children: [{ start: [async () => {}] }] });
}
