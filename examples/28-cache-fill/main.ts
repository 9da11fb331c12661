/** Pages that are loaded once, into buffers that are used again. */

import { Cond, go, Pool, SingleFlight, sleep } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

const PAGES = ["home", "news", "help"];

let loads = 0;
let made = 0;
const pages = new Map<string, string>();
const flights = new SingleFlight();
const buffers = new Pool(() => {
  made++;
  return new Uint8Array(64);
});
/** Guards `pages`. */
const changed = new Cond();

async function load(name: string): Promise<string> {
  const page = await buffers.with(async (buffer) => {
    await sleep(5);
    loads++;
    const { written } = new TextEncoder().encodeInto(`<h1>${name}</h1>`, buffer);
    return new TextDecoder().decode(buffer.subarray(0, written));
  });
  await changed.lock.withLock(() => pages.set(name, page));
  void changed.broadcast();
  return page;
}

function get(name: string): Promise<string> | string {
  return pages.get(name) ?? flights.do(name, () => load(name));
}

const requests = Array.from({ length: 100 }, (_, i) => go(() => get(PAGES[i % PAGES.length]!)));

await changed.lock.lock();
while (pages.size < PAGES.length) await changed.wait();
await changed.lock.unlock();

const answers = await Promise.all(requests);
console.log(`${answers.length} requests, ${new Set(answers).size} pages, ${loads} loads`);
console.log(`buffers made: ${made}`);
console.log(pages.size === PAGES.length ? "all pages were ready at the end" : "pages are missing");
