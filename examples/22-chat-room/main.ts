/** Two people in a supervised room; the room crashes, and they go on. */

import {
  call,
  cast,
  exit,
  send,
  setCrashReporter,
  spawn,
  startChild,
  stop,
  supervisor,
  whereis,
  type Self,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"
import { person, room, type Room } from "./rooms.ts";

setCrashReporter(({ error }) => console.log(`a room crashed: ${(error as Error).message}`));

const rooms = await spawn(
  supervisor({ children: [{ id: "lobby", start: [room, [], { name: "lobby" }] }], intensity: 10 }),
);
await startChild(rooms, { id: "loft", start: [room, [], { name: "loft" }] });
const sizeOf = (title: string): Promise<number> => call(whereis(title) as Room, "size");

await spawn(async (self: Self<string>) => {
  /** Until so many of these have been said. */
  const wait = async (text: string, times = 1): Promise<void> => {
    for (let seen = 0; seen < times; seen++) await self.receive((said) => said.includes(text));
  };
  const hear = async (name: string): Promise<void> =>
    console.log(await self.receive((said) => said.startsWith(`${name} hears`)));

  const ann = await spawn(person, ["ann", "lobby", self.pid]);
  const bee = await spawn(person, ["bee", "lobby", self.pid]);
  await wait("is in", 2);
  send(ann, { say: "hello" });
  await hear("bee");
  send(bee, { say: "hi, ann" });
  await hear("ann");

  cast("lobby", "crash");
  await wait("is in", 2);
  send(ann, { say: "are you still there?" });
  await hear("bee");

  console.log(`in the loft: ${await sizeOf("loft")}, in the lobby: ${await sizeOf("lobby")}`);
  exit(bee, "gone home");
  console.log(`in the lobby: ${await sizeOf("lobby")}`);
  exit(ann, "gone home");
  await stop(rooms);
});
