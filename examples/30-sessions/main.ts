/** Two users come, a third is too many, and those who do nothing are logged out. */

import {
  call,
  dynamicSupervisor,
  isDown,
  spawn,
  startChild,
  stop,
  type ExitError,
  type Self,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"
import { session, sessionOf, sessions } from "./sessions.ts";

const all = await spawn(dynamicSupervisor({ maxChildren: 2, child: { start: [session], restart: "temporary" } }));

await startChild(all, ["anna", "phone"]);
await startChild(all, ["ben", "laptop"]);
console.log("anna's cart:", await call(sessionOf("anna"), { add: "a shuttle" }));
console.log("ben's cart:", await call(sessionOf("ben"), "cart"));
for (const { key, value } of sessions.entries()) console.log(`${key} is here, with a ${value.device}`);

await startChild(all, ["cleo", "tablet"]).catch(({ reason }: ExitError) => console.log("cleo:", reason));

const left = Promise.withResolvers<void>();
await spawn(async (self: Self) => {
  for (const { pid } of sessions.entries()) self.monitor(pid);
  for (let users = sessions.size; users > 0; users--) await self.receive((message: unknown) => isDown(message));
  left.resolve();
});
await left.promise;
console.log("sessions when all were idle:", sessions.size);
await stop(all);
