/** A store with a clock that only the test moves, and its operations in short. */

import { KIND, NO_TTL, NOTHING, OP, type Answer, type Request } from "../../../src/shared/protocol.ts";
import type { Client } from "../../../src/shared/store/leases.ts";
import { Store, type StoreOptions } from "../../../src/shared/store/store.ts";

export type Ask = Partial<Omit<Request, "op">> & { readonly value?: Buffer };

export class TestStore {
  nowMs = 1000;
  readonly store: Store;
  readonly #client: Client = client();

  constructor(options: Partial<StoreOptions> = {}) {
    this.store = new Store({ maxBytes: 2 ** 20, maxValueBytes: 2 ** 16, nowMs: () => this.nowMs, ...options });
  }

  /** Answered at once. */
  ask(op: keyof typeof OP, key: string, rest: Ask = {}): Answer {
    const answers: Answer[] = [];
    this.later(op, key, (answer) => answers.push(answer), rest);
    return answers[0]!;
  }

  later(
    op: keyof typeof OP,
    key: string,
    reply: (answer: Answer) => void,
    rest: Ask = {},
    from: Client = this.#client,
  ): void {
    const defaults = {
      namespace: "",
      kind: rest.value === undefined ? KIND.none : KIND.bytes,
      ttlMs: NO_TTL,
      number: 0,
    };
    this.store.perform({ ...defaults, value: NOTHING, ...rest, op: OP[op], key }, from, reply);
  }

  set(key: string, text: string, rest: Ask = {}): Answer {
    return this.ask("set", key, { value: Buffer.from(text), ...rest });
  }

  get(key: string, rest: Ask = {}): string | undefined {
    const { status, value } = this.ask("get", key, rest);
    return status === 0 ? value.toString() : undefined;
  }
}

export function client(): Client {
  return { claims: new Set() };
}
