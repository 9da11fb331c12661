/** Clients that repeat one request while heddle reloads. Half of them keep their connection, the others open one each time. */

import { EventEmitter, once } from "node:events";
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "./client.ts";
import { differences } from "./compare.ts";
import type { Request } from "./requests.ts";

const CLIENTS = 4;
/** Between two requests of a client: the load is to be there throughout, not to take the CPU from the generation that boots. */
const PAUSE_MS = 5;

export class Load {
  readonly #port: number;
  readonly #request: Request;
  readonly #reference: Answer;
  readonly #progress: EventEmitter = new EventEmitter();
  readonly #clients: readonly Promise<void>[];
  readonly #faults: string[] = [];
  #requests = 0;
  #isEnding = false;

  /** Each answer has to be like `reference`. */
  constructor(port: number, request: Request, reference: Answer) {
    this.#port = port;
    this.#request = request;
    this.#reference = reference;
    this.#clients = Array.from({ length: CLIENTS }, (_, index) => this.#repeat(index % 2 === 0));
  }

  /** Waits until as many more requests have ended. */
  async more(count: number): Promise<void> {
    const wanted = this.#requests + count;
    while (this.#requests < wanted) await once(this.#progress, "request");
  }

  /** Ends the clients. What went wrong, if something did. */
  async end(): Promise<string | undefined> {
    this.#isEnding = true;
    await Promise.all(this.#clients);
    const [first] = this.#faults;
    return first === undefined
      ? undefined
      : `${this.#faults.length} of ${this.#requests} requests failed, the first: ${first}`;
  }

  async #repeat(keepsConnection: boolean): Promise<void> {
    const agent = keepsConnection ? { agent: new Agent({ keepAlive: true, maxSockets: 1 }) } : {};
    while (!this.#isEnding) {
      try {
        const answer = await this.#request.run({ port: this.#port, ...agent });
        const differing = differences(this.#reference, answer);
        if (differing.length > 0) this.#faults.push(differing.join("; "));
      } catch (error) {
        this.#faults.push(error instanceof Error ? error.message : String(error));
      }
      this.#requests += 1;
      this.#progress.emit("request");
      await sleep(PAUSE_MS);
    }
    agent.agent?.destroy();
  }
}
