/**
 * Starting and ending in order. heddle calls onStart in each copy of the app before it gets its first connection, onDrain when
 * it is to get no more, and onStop after its last one is gone. Work that nobody waits for any more stops by the request's
 * signal, and so does an event stream, which would not end by itself.
 */

import { setTimeout as sleep } from "node:timers/promises";

/** As PM2 names it: heddle numbers the copies of the app as well. */
const who = `instance ${process.env["NODE_APP_INSTANCE"] ?? "0"}`;

/** Stands for a pool of database connections. */
class Database {
  #open = false;

  async connect(): Promise<void> {
    await sleep(50);
    this.#open = true;
  }

  /** Takes a while, and can be called off. */
  async query(ms: number, signal: AbortSignal): Promise<string> {
    if (!this.#open) throw new Error("the database is not connected");
    await sleep(ms, undefined, { signal });
    return `rows after ${ms} ms`;
  }

  close(): Promise<void> {
    this.#open = false;
    return Promise.resolve();
  }
}

const database: Database = new Database();

export async function onStart(): Promise<void> {
  await database.connect();
  console.log(`${who}: database connected`);
}

export function onDrain(reason: string): void {
  console.log(`${who}: draining (${reason})`);
}

export async function onStop(): Promise<void> {
  await database.close();
  console.log(`${who}: database closed`);
}

/** Says the time every second until nobody listens any more, or the server drains. */
function clock(): ReadableStream<string> {
  let timer: NodeJS.Timeout;
  return new ReadableStream({
    start(controller) {
      const say = (): void => controller.enqueue(`data: ${new Date().toISOString()}\n\n`);
      timer = setInterval(say, 1000);
      say();
    },
    cancel(reason: Error) {
      clearInterval(timer);
      console.log(`clock stopped: ${reason.name}`);
    },
  });
}

export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/clock") {
      const headers = { "content-type": "text/event-stream" };
      return new Response(clock().pipeThrough(new TextEncoderStream()), { headers });
    }
    const ms = Number(new URL(request.url).searchParams.get("ms") ?? 100);
    try {
      return new Response(`${await database.query(ms, request.signal)}\n`);
    } catch (error) {
      // Nobody waits for this response any more.
      if (request.signal.aborted) console.log(`query called off: ${(request.signal.reason as Error).name}`);
      throw error;
    }
  },
};
