/** Workers without a server: processes that meet at an arbiter's socket in this one. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { ACTORS_VARIABLE } from "../../../src/actors/across/thread-numbers.ts";
import { ActorServer } from "../../../src/server/arbiter/actors/actor-server.ts";

const program = fileURLToPath(new URL("../../fixtures/actors/across-worker.ts", import.meta.url));

export interface Failed {
  readonly code: string;
  readonly message: string;
  readonly reason: unknown;
  readonly hint?: string;
}

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly failed?: Failed;
}

export class TestWorker {
  readonly process: ChildProcess;
  /** Says that its app is started. */
  readonly booted: () => void;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  constructor(child: ChildProcess, booted: () => void) {
    this.process = child;
    this.booted = booted;
    child.on("message", (reply: Reply) => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    child.once("exit", () => {
      const failed = { code: "", message: "the worker has ended", reason: undefined };
      for (const [id, answered] of this.#waiting) answered({ id, failed });
    });
  }

  async do(op: string, ...args: readonly unknown[]): Promise<any> {
    const { value, failed } = await this.#ask(op, args);
    if (failed !== undefined) throw Object.assign(new Error(failed.message), failed);
    return value;
  }

  /** What it throws. */
  async failing(op: string, ...args: readonly unknown[]): Promise<Failed> {
    const { failed } = await this.#ask(op, args);
    if (failed === undefined) throw new Error(`${op} has not failed`);
    return failed;
  }

  #ask(op: string, args: readonly unknown[]): Promise<Reply> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    this.process.send({ id, op, args });
    return promise;
  }
}

export class TestServer {
  readonly actors: ActorServer;
  readonly log: string[] = [];
  readonly #workers: ChildProcess[] = [];

  private constructor(actors: ActorServer) {
    this.actors = actors;
  }

  static async open(t: TestContext): Promise<TestServer> {
    const log: string[] = [];
    const actors = await ActorServer.open({ warn: (_fields: object, text: string) => void log.push(text) });
    const server = new TestServer(actors);
    t.after(async () => {
      const ends = server.#workers.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      });
      await Promise.all(ends);
      actors.close();
    });
    return server;
  }

  #lastSlot = 0;

  /** `env`: instead of the place that the arbiter gives it. `slot`: that of the worker that it replaces. */
  spawn(generation: number = 1, env?: NodeJS.ProcessEnv, slot: number = ++this.#lastSlot): TestWorker {
    const seat = this.actors.seat(generation, slot);
    const child = fork(program, {
      env: { ...process.env, ...(env ?? { [ACTORS_VARIABLE]: seat.place }) },
      serialization: "advanced",
    });
    this.#workers.push(child);
    seat.started(child.pid!);
    child.once("exit", () => seat.ended());
    return new TestWorker(child, () => seat.booted());
  }
}

/** Asks again until the answer is right. Fails by the test's own time limit. */
export async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
