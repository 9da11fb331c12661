/** The channels for a test: one of this thread, and one that lives on another. */

import { Channel, go, setSchedulerThreads } from "../../src/tasks/index.ts";
import { newChannel } from "../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

export interface ChannelKind {
  readonly kind: string;
  readonly make: (capacity: number, values?: readonly number[]) => Promise<Channel<number>>;
}

export const channelKinds: readonly ChannelKind[] = [
  {
    kind: "within a thread",
    make: async (capacity, values = []) => {
      const channel = new Channel<number>(capacity);
      for (const value of values) await channel.send(value);
      return channel;
    },
  },
  { kind: "across threads", make: async (capacity, values = []) => go(newChannel, capacity, values) },
];
