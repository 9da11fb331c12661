/** Clients that talk to a server all the time, each in one of several ways, while others make it compute without end. */

import { once } from "node:events";
import { Agent, createServer, get } from "node:http";
import type { AddressInfo } from "node:net";

export interface Outcome {
  /** Of those that talk: right answers, by way. */
  readonly answers: Readonly<Record<string, number>>;
  /** Anything else than the right answer. */
  readonly faults: readonly string[];
  /** The statuses of the runaways, by way. */
  readonly runaways: Readonly<Record<string, readonly (number | string)[]>>;
  /** The longest that one answer took. */
  readonly slowestMs: number;
}

export interface Plan {
  readonly url: string;
  readonly talks: readonly string[];
  readonly clients: number;
  readonly ways: readonly string[];
  readonly rounds: number;
  /** From one runaway to the next, unless it takes longer. */
  readonly everyMs: number;
}

interface Answer {
  readonly status: number | string;
  readonly body: string;
}

function ask(url: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve) => {
    const asked = get(url, { agent }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (body += part));
      response.on("end", () => resolve({ status: response.statusCode!, body }));
      response.on("error", (error) => resolve({ status: error.message, body }));
    });
    asked.on("error", (error) => resolve({ status: error.message, body: "" }));
  });
}

/** What apps fetch from: it answers with `text`, after `ms`. */
export async function startBackend(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((req, res) => {
    const { searchParams } = new URL(req.url!, "http://backend");
    setTimeout(() => res.end(searchParams.get("text") ?? "ok"), Number(searchParams.get("ms") ?? 0));
  });
  // It is asked again after long pauses.
  server.keepAliveTimeout = 600_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Every client talks until the last runaway was answered, and then once more. */
export async function converse({ url, talks, clients, ways, rounds, everyMs }: Plan): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true });
  const answers: Record<string, number> = Object.fromEntries(talks.map((talk) => [talk, 0]));
  const faults: string[] = [];
  let slowestMs = 0;
  let isOver = false;

  const talk = async (id: number): Promise<void> => {
    const as = talks[id % talks.length]!;
    for (let isLast = false, n = 0; !isLast; n++) {
      isLast = isOver;
      const text = `client ${id}, ${n}`;
      const beganMs = performance.now();
      const { status, body } = await ask(`${url}/talk?as=${as}&text=${encodeURIComponent(text)}`, agent);
      slowestMs = Math.max(slowestMs, performance.now() - beganMs);
      if (status === 200 && body === text) answers[as]! += 1;
      else faults.push(`${as}: ${status} ${JSON.stringify(body)} for ${JSON.stringify(text)}`);
    }
  };
  const talking = Array.from({ length: clients }, (_, id) => talk(id));

  const alone = new Agent({ keepAlive: false });
  const runaways: Record<string, (number | string)[]> = Object.fromEntries(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    const way = ways[round % ways.length]!;
    const next = new Promise((resolve) => setTimeout(resolve, everyMs));
    runaways[way]!.push((await ask(`${url}/run?as=${way}`, alone)).status);
    await next;
  }
  isOver = true;
  await Promise.all(talking);
  agent.destroy();
  return { answers, faults, runaways, slowestMs };
}
