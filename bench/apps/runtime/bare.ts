/**
 * The least that a channel in JavaScript needs: two async functions, a promise for the one that waits, and nothing else (no
 * queue of waiters, no select, no close, no budget, no tasks). No library can be faster than this.
 */

const settled = Promise.resolve();

let settleNext: (value: never) => void;
const stash = (settle: (value: never) => void): void => {
  settleNext = settle;
};

type Received = { readonly value: number; readonly ok: boolean };

/** For one sender and one receiver. */
class BareChannel {
  readonly #capacity: number;
  #buffer: number[] = [];
  #taken = 0;
  #sender: { readonly value: number; readonly settle: () => void } | undefined;
  #receiver: ((value: Received) => void) | undefined;

  constructor(capacity = 0) {
    this.#capacity = capacity;
  }

  send(value: number): Promise<void> {
    const receiver = this.#receiver;
    if (receiver !== undefined) {
      this.#receiver = undefined;
      receiver({ value, ok: true });
      return settled;
    }
    if (this.#buffer.length - this.#taken < this.#capacity) {
      this.#buffer.push(value);
      return settled;
    }
    const promise = new Promise<void>(stash);
    this.#sender = { value, settle: settleNext as unknown as () => void };
    return promise;
  }

  receive(): Promise<Received> {
    if (this.#taken < this.#buffer.length) {
      const value = this.#buffer[this.#taken++]!;
      if (this.#taken === this.#capacity) {
        this.#buffer = this.#buffer.slice(this.#taken);
        this.#taken = 0;
      }
      this.#refill();
      return Promise.resolve({ value, ok: true });
    }
    const sender = this.#sender;
    if (sender !== undefined) {
      this.#sender = undefined;
      sender.settle();
      return Promise.resolve({ value: sender.value, ok: true });
    }
    const promise = new Promise<Received>(stash);
    this.#receiver = settleNext as unknown as (value: Received) => void;
    return promise;
  }

  #refill(): void {
    if (this.#sender === undefined) return;
    this.#buffer.push(this.#sender.value);
    this.#sender.settle();
    this.#sender = undefined;
  }
}

async function pass(values: number, from: BareChannel, to: BareChannel): Promise<void> {
  for (let i = 0; i < values; i++) await to.send((await from.receive()).value);
}

async function send(values: number, to: BareChannel): Promise<void> {
  for (let i = 0; i < values; i++) await to.send(i);
}

async function receive(values: number, from: BareChannel): Promise<void> {
  for (let i = 0; i < values; i++) await from.receive();
}

export async function pingPong(): Promise<number> {
  const rounds = 1_000_000;
  const [a, b] = [new BareChannel(), new BareChannel()];
  const ping = async (): Promise<void> => {
    for (let i = 0; i < rounds; i++) {
      await a.send(i);
      await b.receive();
    }
  };
  await Promise.all([ping(), pass(rounds, a, b)]);
  return 2 * rounds;
}

export async function pipeline(): Promise<number> {
  const [stages, values] = [1000, 1000];
  const channels = Array.from({ length: stages + 1 }, () => new BareChannel());
  const passing = channels.slice(1).map((to, i) => pass(values, channels[i]!, to));
  await Promise.all([send(values, channels[0]!), ...passing, receive(values, channels[stages]!)]);
  return stages * values;
}

export async function buffered(): Promise<number> {
  const values = 5_000_000;
  const channel = new BareChannel(128);
  await Promise.all([send(values, channel), receive(values, channel)]);
  return values;
}
