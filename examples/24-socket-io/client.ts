/** Two people in one room: `node client.ts [url]`. */

import { io } from "socket.io-client";

const url = process.argv[2] ?? "http://127.0.0.1:8000";
/** Under Node, `withCredentials` makes the client keep cookies, as a browser does. `retries` sends again what was not confirmed. */
const options = { withCredentials: true, retries: 10, ackTimeout: 2000, forceNew: true };

const [ann, bee] = [io(url, options), io(url, options)];
const heard = new Promise<string>((resolve) => {
  bee.on("said", (text: string, copy: string) => resolve(`bee hears "${text}" from ${copy}`));
});
for (const person of [ann, bee]) await person.emitWithAck("join", "lobby");
await ann.emitWithAck("say", "lobby", "hello");
console.log(await heard);
for (const person of [ann, bee]) person.close();
