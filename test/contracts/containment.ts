/**
 * The cost of each fault, for every model: the table of docs/guide/9-crashes.md in code (a test compares the two), and the code
 * that injects one fault into a real server of two workers.
 *
 * A cell says what the faulty request's client gets, what ends and is replaced, and which neighbours in flight are lost.
 * Nothing else may be affected. A neighbour is a request that has begun its response and goes on until its client sends the
 * rest of its body. So the test controls its end, and no time is measured.
 */

import assert from "node:assert/strict";
import type { ServerStatus } from "../../src/server/control/status.ts";
import type { ModelName } from "../../src/server/models/model.ts";
import type { LifeServer } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";

export type Fault = "throw" | "reject" | "overflow" | "unhandled" | "timer" | "exit" | "loop" | "heap" | "segfault";

/** A model, and how its event loops lie: several in a process, or one on its main thread. */
export type Contained =
  | Extract<ModelName, "loop" | "actors" | "threads" | "thread-per-request" | "sync" | "tasks">
  | "loop, 1 thread";

/** `used up`: it ends after every request, so that nothing is replaced that would not have been. */
export type Ends = "request" | "used up" | "thread" | "worker";

export interface Outcome {
  /** A status, or a connection that is closed without an answer. */
  readonly answer: 200 | 500 | 503 | 504 | "closed";
  readonly ends: Ends;
  /** Who else of those in flight is lost: nobody, all on the same serving thread, handler thread, or worker. */
  readonly lost: "nobody" | "thread" | "handler thread" | "worker";
  readonly log: RegExp;
}

const failed: Outcome = { answer: 500, ends: "request", lost: "nobody", log: /"msg":"the handler failed"/ };
const crashed: Outcome = {
  answer: "closed",
  ends: "worker",
  lost: "worker",
  log: /was killed by SIGSEGV; a new worker replaces it/,
};

function uncaught(log: RegExp, ends: Ends = "thread"): Outcome {
  return { answer: 200, ends, lost: "nobody", log };
}

/** Ended alone, long before the timeout. */
const ranAway: Outcome = { answer: 503, ends: "request", lost: "nobody", log: /"code":"ACTOR_RAN_AWAY"/ };

/** The thread that runs the handler has the connections as well. */
const loop: Readonly<Record<Fault, Outcome>> = {
  throw: failed,
  reject: failed,
  overflow: failed,
  unhandled: uncaught(/uncaught exception on serving thread \d+; the thread is replaced/),
  timer: uncaught(/uncaught exception on serving thread \d+; the thread is replaced/),
  exit: { answer: "closed", ends: "thread", lost: "thread", log: /ended serving thread \d+ itself/ },
  loop: { answer: "closed", ends: "thread", lost: "thread", log: /longer than --timeout .* and is killed/ },
  heap: { answer: "closed", ends: "thread", lost: "thread", log: /serving thread \d+ died: .*out of memory/ },
  segfault: crashed,
};

/** The main thread: it ends with its process. */
const oneLoop: Readonly<Record<Fault, Outcome>> = {
  ...loop,
  unhandled: uncaught(/uncaught exception on serving thread 0; the worker is replaced/, "worker"),
  timer: uncaught(/uncaught exception on serving thread 0; the worker is replaced/, "worker"),
  exit: { answer: "closed", ends: "worker", lost: "worker", log: /the app ended worker \d+ itself/ },
  loop: { answer: "closed", ends: "worker", lost: "worker", log: /longer than --timeout .* and is killed/ },
  heap: { answer: "closed", ends: "worker", lost: "worker", log: /was killed by SIGABRT; a new worker replaces it/ },
};

/** A worker has one request: nobody else can be lost with it. */
const sync: Readonly<Record<Fault, Outcome>> = {
  ...oneLoop,
  exit: { ...oneLoop.exit, lost: "nobody" },
  loop: { ...oneLoop.loop, lost: "nobody" },
  heap: { ...oneLoop.heap, lost: "nobody" },
  segfault: { ...oneLoop.segfault, lost: "nobody" },
};

const threads: Readonly<Record<Fault, Outcome>> = {
  throw: failed,
  reject: failed,
  overflow: failed,
  unhandled: uncaught(/uncaught exception on handler thread \d+ of threads; the thread is replaced/),
  timer: uncaught(/uncaught exception on handler thread \d+ of threads; the thread is replaced/),
  exit: { answer: 500, ends: "thread", lost: "nobody", log: /ended handler thread \d+ of \S+ itself/ },
  loop: { answer: 504, ends: "thread", lost: "nobody", log: /did not end within its timeout/ },
  heap: { answer: 500, ends: "thread", lost: "nobody", log: /handler thread \d+ of \S+ died: .*out of memory/ },
  segfault: crashed,
};

/** A handler thread has many requests. */
const tasks: Readonly<Record<Fault, Outcome>> = {
  ...threads,
  unhandled: uncaught(/uncaught exception on handler thread \d+ of tasks; the thread is replaced/),
  timer: uncaught(/uncaught exception on handler thread \d+ of tasks; the thread is replaced/),
  exit: { ...threads.exit, lost: "handler thread" },
  loop: { ...threads.loop, lost: "handler thread" },
  heap: { ...threads.heap, lost: "handler thread" },
};

export const containment: Readonly<Record<Contained, Readonly<Record<Fault, Outcome>>>> = {
  loop,
  "loop, 1 thread": oneLoop,
  actors: { ...loop, loop: ranAway },
  sync,
  threads,
  "thread-per-request": {
    ...threads,
    unhandled: uncaught(/uncaught exception on handler thread \d+ of \S+; the thread has ended/, "used up"),
    timer: uncaught(/uncaught exception on handler thread \d+ of \S+; the thread has ended/, "used up"),
  },
  tasks,
};

/** Where a request is served: the worker's pid and the serving thread's index. */
interface Place {
  readonly worker: string;
  readonly thread: string;
}

interface Client extends Place {
  readonly connection: RawConnection;
}

/** Connections beside the faulty one: enough that with two threads in each of two workers all of them have some. */
const NEIGHBOURS = 7;

export interface Injection {
  readonly answer: 200 | 500 | 503 | 504 | "closed";
  /** For each neighbour: where it was, seen from the faulty request, and whether it got all of its response. */
  readonly neighbours: readonly { readonly at: "thread" | "worker" | "elsewhere"; readonly served: boolean }[];
  readonly before: ServerStatus;
  readonly after: ServerStatus;
}

/** Injects `fault`, waits until everything is whole again, then lets the neighbours end. */
export async function inject(
  server: LifeServer,
  model: Contained,
  fault: Fault,
  { log, ends }: Outcome,
): Promise<Injection> {
  const before = await server.waitForStatus(isWhole(model));
  const mark = server.mark();
  const { faulty, neighbours } = await clients(server, model);
  try {
    const answer = await answerTo(faulty.connection.request(`GET /${fault} HTTP/1.1`));
    await server.waitForLog(log, mark);
    const after = await server.waitForStatus(
      (status) =>
        (ends !== "thread" || status.restarts.threads > before.restarts.threads) &&
        (ends !== "worker" || isStaffed(model)(status)) &&
        (ends !== "worker" || status.restarts.workers > before.restarts.workers),
    );
    const results = [];
    for (const { connection, ...place } of neighbours) {
      results.push({ at: seenFrom(faulty, place), served: (await connection.write("x").rest()).includes("and done") });
    }
    return { answer, neighbours: results, before, after };
  } finally {
    for (const { connection } of [faulty, ...neighbours]) connection.destroy();
  }
}

/** The neighbours in flight, and one whose request is still to come; of its place, where that can be known, first. */
async function clients(
  server: LifeServer,
  model: Contained,
): Promise<{ readonly faulty: Client; readonly neighbours: readonly Client[] }> {
  const neighbours: Client[] = [];
  // A worker under sync has one request: the other worker's is the only neighbour.
  if (model === "sync") {
    const neighbour = await begin(await RawConnection.open(server.port));
    neighbours.push(neighbour);
    const connection = await RawConnection.open(server.port);
    return { faulty: { connection, worker: "the other", thread: "0" }, neighbours };
  }
  const idle: RawConnection[] = [];
  for (let i = 0; i <= NEIGHBOURS; i++) idle.push(await RawConnection.open(server.port));
  const [first, ...others] = idle;
  const { headers } = await first!.request("GET /ok HTTP/1.1").response();
  for (const connection of others) neighbours.push(await begin(connection));
  return { faulty: { connection: first!, ...placeOf(headers) }, neighbours };
}

async function begin(connection: RawConnection): Promise<Client> {
  connection.request("POST /neighbour HTTP/1.1", ["content-length: 1", "connection: close"]);
  return { connection, ...placeOf((await connection.head()).headers) };
}

function placeOf(headers: Readonly<Record<string, string>>): Place {
  return { worker: headers["x-heddle-worker"]!, thread: headers["x-heddle-thread"]! };
}

function seenFrom(faulty: Place, { worker, thread }: Place): "thread" | "worker" | "elsewhere" {
  if (worker !== faulty.worker) return "elsewhere";
  return thread === faulty.thread ? "thread" : "worker";
}

async function answerTo(client: RawConnection): Promise<Injection["answer"]> {
  const head = await client.head().catch(() => undefined);
  return head === undefined ? "closed" : (head.status as 200 | 500 | 504);
}

/** Two workers serve, with all the serving threads they should have. Another one may be finishing its requests. */
function isStaffed(model: Contained): (status: ServerStatus) => boolean {
  const expected = model === "loop" || model === "actors" ? 2 : 1;
  return ({ workers }) => {
    const serving = workers.filter(({ state }) => state === "serving");
    return (
      serving.length === 2 &&
      serving.every(({ threads }) => threads.length === expected && threads.every((thread) => thread.state === "ready"))
    );
  };
}

/** Staffed, every handler thread is there, and nothing is in flight. */
function isWhole(model: Contained): (status: ServerStatus) => boolean {
  const isReady = isStaffed(model);
  return (status) =>
    isReady(status) &&
    status.workers.length === 2 &&
    status.workers.every(
      ({ threads, pools }) =>
        threads.every(({ connections }) => connections === 0) &&
        pools.every((pool) => pool.threads >= (model === "tasks" ? 1 : HANDLERS) && pool.busy === 0),
    );
}

/** Handler threads of each worker: one for each neighbour there may be, and one for the fault. */
export const HANDLERS: number = NEIGHBOURS + 1;

export function assertContained({ answer, neighbours, before, after }: Injection, expected: Outcome): void {
  assert.equal(answer, expected.answer, "what the client gets");
  assert.equal(
    after.restarts.workers - before.restarts.workers,
    expected.ends === "worker" ? 1 : 0,
    "workers replaced",
  );
  // What a killed worker had counted is lost with it.
  if (expected.ends !== "worker") {
    const threads = after.restarts.threads - before.restarts.threads;
    assert.equal(threads, expected.ends === "thread" ? 1 : 0, "threads replaced");
  }
  assert.ok(
    neighbours.some(({ at }) => at === "elsewhere"),
    "somebody was on the other worker",
  );
  for (const { at, served } of neighbours) {
    // Where there are handler threads shared by many, each worker has one here.
    const lost = expected.lost === "handler thread" ? "worker" : expected.lost;
    const isLost = at !== "elsewhere" && (lost === "worker" || lost === at);
    assert.equal(served, !isLost, `a neighbour ${at === "elsewhere" ? "on the other worker" : `on the same ${at}`}`);
  }
}
