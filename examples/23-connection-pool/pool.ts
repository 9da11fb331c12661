/** A pool of connections: who holds which, who waits for one. */

import {
  actor,
  genServer,
  reply,
  startChild,
  whereis,
  type Actor,
  type DownMessage,
  type From,
  type Pid,
  type Self,
  type ServerPid,
} from "../../src/actors/index.ts"; // in your project: from "heddle/actors"

export type Connection = ServerPid<readonly [{ readonly query: string }, string]>;

/** Stands for a socket to a database. It breaks when it is asked to. */
export const connection: Actor<[], Connection> = actor(
  import.meta.url,
  "connection",
  genServer({
    init: () => ({ queries: 0 }),
    handleCall: ({ query }: { query: string }, state) => {
      if (query === "break") throw new Error("the connection is lost");
      state.queries += 1;
      return { reply: `rows of ${query}` };
    },
  }),
);

type Request = { readonly borrow: Pid } | { readonly give: Connection; readonly by: Pid } | "free";

export type Pool = ServerPid<
  | readonly [{ readonly borrow: Pid }, Connection]
  | readonly [{ readonly give: Connection; readonly by: Pid }, void]
  | readonly ["free", number]
>;

interface Loan {
  readonly to: Pid;
  /** The monitor on the borrower. */
  readonly ref: number;
}

class Pooled {
  readonly self: Self;
  readonly connections: Pid;
  readonly free: Connection[] = [];
  readonly lent: Map<Connection, Loan> = new Map();
  readonly waiting: { readonly from: From; readonly to: Pid }[] = [];

  constructor(self: Self, connections: Pid) {
    this.self = self;
    this.connections = connections;
  }

  async add(): Promise<void> {
    const made = (await startChild(this.connections as never, [])) as Connection;
    this.self.monitor(made);
    this.take(made);
  }

  /** It is free, or the next in line gets it. */
  take(made: Connection): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free.push(made);
    else this.lend(made, next.to, next.from);
  }

  lend(made: Connection, to: Pid, from: From): void {
    this.lent.set(made, { to, ref: this.self.monitor(to) });
    reply(from, made);
  }

  giveBack(made: Connection): void {
    const loan = this.lent.get(made);
    if (loan === undefined) return;
    this.self.demonitor(loan.ref, { flush: true });
    this.lent.delete(made);
    this.take(made);
  }
}

export const pool: Actor<[size: number], Pool> = actor(
  import.meta.url,
  "pool",
  genServer({
    init: async (self, size: number) => {
      const state = new Pooled(self, whereis("connections")!);
      for (let i = 0; i < size; i++) await state.add();
      return state;
    },
    handleCall: (request: Request, state, from) => {
      if (request === "free") return { reply: state.free.length };
      if ("give" in request) {
        state.giveBack(request.give);
        return { reply: undefined };
      }
      const made = state.free.pop();
      if (made === undefined) state.waiting.push({ from, to: request.borrow });
      else state.lend(made, request.borrow, from);
      return { noReply: true };
    },
    handleInfo: async ({ pid }: DownMessage, state) => {
      const broken = state.lent.has(pid as Connection) || state.free.includes(pid as Connection);
      if (broken) {
        // A connection broke: whoever has it finds out by itself. There is a new one.
        state.lent.delete(pid as Connection);
        if (state.free.includes(pid as Connection)) state.free.splice(state.free.indexOf(pid as Connection), 1);
        await state.add();
      } else {
        // A borrower ended.
        for (const [made, { to }] of state.lent) if (to === pid) state.giveBack(made);
      }
    },
  }),
) as never;
