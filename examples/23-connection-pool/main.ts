/** Six borrowers and three connections; one borrower crashes, one connection breaks. */

import {
  call,
  dynamicSupervisor,
  exit,
  setCrashReporter,
  spawn,
  stop,
  supervisor,
  supervisorTree,
  whereis,
  type Self,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"
import { connection, pool, type Connection, type Pool } from "./pool.ts";

setCrashReporter(() => {});

// The connections are temporary: it is the pool that asks for another one.
const connections = dynamicSupervisor({ child: { start: [connection], restart: "temporary" } });
const tree = await spawn(
  supervisor({
    strategy: "one_for_all",
    children: [
      { id: "connections", type: "supervisor", start: [connections, [], { name: "connections" }] },
      { id: "pool", start: [pool, [3], { name: "pool" }] },
    ],
  }),
);
const lender = whereis("pool") as Pool;

async function withConnection<T>(self: Self, use: (borrowed: Connection) => Promise<T>): Promise<T> {
  const borrowed: Connection = await self.call(lender, { borrow: self.pid });
  try {
    return await use(borrowed);
  } finally {
    await self.call(lender, { give: borrowed, by: self.pid });
  }
}

let inUse = 0;
let most = 0;
const borrowers = Array.from({ length: 6 }, async () => {
  const done = Promise.withResolvers<void>();
  await spawn(async (self: Self) => {
    await withConnection(self, async (borrowed) => {
      most = Math.max(most, ++inUse);
      await self.call(borrowed, { query: "threads" });
      await new Promise((resolve) => setTimeout(resolve, 5));
      inUse--;
    });
    done.resolve();
  });
  await done.promise;
});
await Promise.all(borrowers);
console.log(`3 connections for ${borrowers.length} borrowers: at most ${most} at once`);

const holding = Promise.withResolvers<void>();
const careless = await spawn(async (self: Self) => {
  await self.call(lender, { borrow: self.pid });
  holding.resolve();
  await self.receive();
});
await holding.promise;
exit(careless, "kill");
console.log(`a borrower ended with its connection: given back, ${await call(lender, "free")} free`);

const broken = Promise.withResolvers<void>();
await spawn(async (self: Self) => {
  await withConnection(self, (borrowed) => self.call(borrowed, { query: "break" })).catch(() => broken.resolve());
});
await broken.promise;
console.log(`a connection broke: replaced, ${await call(lender, "free")} free`);

const { strategy, status } = await supervisorTree(tree);
console.log(`pool: ${strategy}, ${status}`);
await stop(tree);
