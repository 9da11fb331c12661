/** One writer, and readers on all scheduler threads. */

import {
  call,
  openTable,
  schedulerThreads,
  setSchedulerThreads,
  spawn,
  stop,
  type ExitError,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"
import { priceList, till, type Price } from "./prices.ts";

setSchedulerThreads(2);
const list = await spawn(priceList);
await call(list, { item: "yarn", cents: 300 });
await call(list, { item: "shuttle", cents: 2000 });

const tills = await Promise.all((await schedulerThreads()).map((on) => spawn(till, [], { on })));
for (const each of tills) console.log("an order costs", await call(each, ["yarn", "yarn", "shuttle"]));

// The call resolves when all threads have the new price.
await call(list, { item: "yarn", cents: 250 });
console.log("now it costs", ...(await Promise.all(tills.map((each) => call(each, ["yarn", "yarn", "shuttle"])))));

const table = await openTable<string, Price>("prices");
console.log("items:", table.keys().join(", "));
await table.set("yarn", { cents: 1 }).catch(({ code }: ExitError) => console.log("a reader cannot write:", code));

for (const each of tills) await stop(each);
await stop(list);
console.log("the table exists:", table.exists);
