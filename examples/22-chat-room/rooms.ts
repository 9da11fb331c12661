/** Rooms and the people in them. A module of its own: with `on: "any"` it is imported on other threads. */

import {
  actor,
  cast,
  genServer,
  isDown,
  send,
  type Actor,
  type DownMessage,
  type Pid,
  type Self,
  type ServerPid,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"

export type Room = ServerPid<
  readonly [{ readonly join: Pid<Heard>; readonly as: string } | "size", number],
  Said | "crash",
  DownMessage
>;

export interface Said {
  readonly as: string;
  readonly say: string;
}

export interface Heard {
  readonly text: string;
}

export const room: Actor<[], Room> = actor(
  import.meta.url,
  "room",
  genServer({
    init: (self) => ({ self, members: new Map<Pid<Heard>, string>() }),
    handleCall: (request: "size" | { join: Pid<Heard>; as: string }, { self, members }) => {
      if (request !== "size") {
        self.monitor(request.join);
        members.set(request.join, request.as);
      }
      return { reply: members.size };
    },
    handleCast: (message: "crash" | Said, { members }) => {
      if (message === "crash") throw new Error("a bug in the room");
      for (const [pid, name] of members) {
        if (name !== message.as) send(pid, { text: `<${message.as}> ${message.say}` });
      }
    },
    // Whoever ends has left.
    handleInfo: (message: DownMessage, { members }) => {
      members.delete(message.pid);
    },
  }),
);

type ToPerson = Heard | DownMessage | { readonly say: string };

/** Sits in a room and tells what it hears; comes back when the room does. */
export const person: Actor<[name: string, room: string, told: Pid<string>], Pid<ToPerson>> = actor(
  import.meta.url,
  "person",
  async (self: Self<ToPerson>, name: string, title: string, told: Pid<string>) => {
    await enter(self, name, title);
    send(told, `${name} is in`);
    for (;;) {
      const message = await self.receive();
      if ("say" in message) {
        cast(title, { say: message.say, as: name });
      } else if ("text" in message) {
        send(told, `${name} hears ${message.text}`);
      } else if (isDown(message)) {
        await enter(self, name, title);
        send(told, `${name} is in`);
      }
    }
  },
);

async function enter(self: Self, name: string, title: string): Promise<void> {
  for (;;) {
    try {
      await self.call(title, { join: self.pid, as: name });
      self.monitor(title);
      return;
    } catch {
      // The room is just being started again.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
