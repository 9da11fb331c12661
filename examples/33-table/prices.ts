/** Prices that every thread reads without asking anybody, and their one writer. */

import {
  actor,
  createTable,
  genServer,
  openTable,
  type Actor,
  type ServerPid,
  type Table,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"

export interface Price {
  readonly cents: number;
}

type Request = { readonly item: string; readonly cents: number };

/** Owns the table: when it ends, the table is gone. Only it writes. */
export const priceList: Actor<[], ServerPid<readonly [Request, number]>> = actor(
  import.meta.url,
  "price-list",
  genServer({
    init: (self) => createTable<string, Price>(self.pid, "prices"),
    handleCall: async ({ item, cents }: Request, table: Table<string, Price>) => {
      await table.set(item, { cents }, { everywhere: true });
      return { reply: table.size };
    },
  }),
) as never;

/** On its own thread: adds up an order from the table's copy there. */
export const till: Actor<[], ServerPid<readonly [readonly string[], number]>> = actor(
  import.meta.url,
  "till",
  genServer({
    init: () => openTable<string, Price>("prices"),
    handleCall: (items: readonly string[], table: Table<string, Price>) => ({
      reply: items.reduce((sum, item) => sum + (table.get(item)?.cents ?? 0), 0),
    }),
  }),
) as never;
