/**
 * What an app sees of the store: a namespace, and the operations on its keys.
 *
 * Each is one request to the store, which performs them one after another. So each is atomic by itself, and `update` and
 * `getOrSet` are built of two: read with a version, then replace if the version is the same; claim, then fill.
 */

import { count } from "../errors/count.ts";
import { HeddleError } from "../errors/errors.ts";
import { clearTimeout, MAX_TIMER_MS, setTimeout } from "../kit/native-timers.ts";
import { type Answer, KEEP_TTL, KIND, NO_TTL, OP, type Request, STATUS } from "./protocol.ts";
import { checkKey, checkNumber, ttlOf } from "./arguments.ts";
import { transport } from "./transport.ts";
import { ABSENT, pack, type Packed, unpack, unpackPacked } from "./values.ts";

export interface TtlOptions {
  /** Milliseconds after which the entry is gone. Default: none, it stays until it is evicted or the server ends. */
  readonly ttlMs?: number | undefined;
}

export interface SetOptions extends TtlOptions {
  /** Do nothing if the key has a value. */
  readonly onlyIfAbsent?: boolean | undefined;
}

export interface GetOrSetOptions extends TtlOptions {
  /** How long the others wait for whoever makes the value, here or in another instance, before another one makes it. Default: 30 s.
   * `Infinity`: until it has ended. */
  readonly makeTimeoutMs?: number | undefined;
}

/** A value with the time that it has left. */
export interface SharedEntry<T> {
  readonly value: T;
  /** Milliseconds. undefined: it has no time limit. */
  readonly expiresInMs: number | undefined;
}

const MAKE_TIMEOUT_MS = 30_000;
/** The store has too many leases of this thread's: it makes the value without one, and the store does not take it. */
const FOR_ITSELF = 0;
/** Another instance changed the key between read and replace, this many times in a row. Each time that one has got on. */
const MAX_TRIES = 10_000;

/** The last update of each key in this thread, and each value that is made for it: one at a time for a key. */
const updates = new Map<string, Promise<void>>();
const making = new Map<string, Promise<Packed | undefined>>();

/**
 * Keys of one namespace. Values are copied in and out: whatever `structuredClone` copies, and not `undefined`.
 *
 * Every operation may reject with a HeddleError: SHARED_UNAVAILABLE (nothing was changed), SHARED_INTERRUPTED (the connection broke
 * meanwhile: it may have been performed, or not), SHARED_BUSY (too many operations of this thread wait), SHARED_INVALID (an argument).
 */
export class SharedMap {
  readonly #namespace: string;

  /** For the library: `namespace(name)` makes one. */
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** The key's value, or undefined. */
  async get<T = unknown>(key: string): Promise<T | undefined> {
    return (await this.entry<T>(key))?.value;
  }

  /** The key's value and the time it has left, or undefined. */
  async entry<T = unknown>(key: string): Promise<SharedEntry<T> | undefined> {
    const answer = await this.#ask(OP.get, key);
    return answer.status === STATUS.ok ? entryOf<T>(answer) : undefined;
  }

  /**
   * Sets the key's value, and its time: without `ttlMs` it has no time limit from now on. Resolves to false if `onlyIfAbsent` was
   * given and the key has a value.
   *
   * @throws HeddleError SHARED_NOT_CLONEABLE, SHARED_TOO_LARGE
   */
  async set(key: string, value: unknown, options: SetOptions = {}): Promise<boolean> {
    const { onlyIfAbsent = false } = options;
    const answer = await this.#ask(onlyIfAbsent ? OP.add : OP.set, key, { ttlMs: ttlOf(options), packed: pack(value) });
    return answer.status === STATUS.ok;
  }

  /** Resolves to whether the key had a value. */
  async delete(key: string): Promise<boolean> {
    return (await this.#ask(OP.delete, key)).status === STATUS.ok;
  }

  /** Sets the time that the key's value has left. Resolves to false if it has no value. */
  async touch(key: string, ttlMs: number): Promise<boolean> {
    return (await this.#ask(OP.touch, key, { ttlMs: ttlOf({ ttlMs }) })).status === STATUS.ok;
  }

  /**
   * Adds to the key's number, and resolves to the sum and the time that is left. A key without a value begins at 0, and gets
   * `ttlMs` then: later increments do not extend it. So it counts in fixed windows of that length.
   *
   * @throws HeddleError SHARED_NOT_A_NUMBER the value is something else, or the sum is not finite
   */
  async increment(key: string, by: number = 1, options: TtlOptions = {}): Promise<SharedEntry<number>> {
    const answer = await this.#ask(OP.increment, key, { ttlMs: ttlOf(options), number: checkNumber(by) });
    if (answer.status === STATUS.ok) return entryOf<number>(answer);
    throw new HeddleError(
      "SHARED_NOT_A_NUMBER",
      `${this.#nameOf(key)} cannot be incremented by ${by}: its value is no number, or the sum would not be finite.`,
    );
  }

  /**
   * Changes the key's value by a function: from the value (undefined: it has none) to the new one (undefined: delete it). Atomic:
   * if another instance changes the key meanwhile, the function is called again with the new value. It must be synchronous, and
   * have no effects of its own. The time of the entry stays as it is, unless `ttlMs` is given. Resolves to the new value.
   *
   * @throws HeddleError SHARED_NOT_CLONEABLE, SHARED_TOO_LARGE
   * @throws what the function throws: then nothing was changed
   */
  async update<T>(
    key: string,
    change: (value: T | undefined) => T | undefined,
    options: TtlOptions = {},
  ): Promise<T | undefined> {
    checkKey(key);
    // Updates of one key would only disturb each other.
    const id = this.#idOf(key);
    const updated = (updates.get(id) ?? Promise.resolve()).then(() => this.#update(key, change, options));
    const settled = updated.then(
      () => {},
      () => {},
    );
    updates.set(id, settled);
    try {
      return await updated;
    } finally {
      if (updates.get(id) === settled) updates.delete(id);
    }
  }

  /**
   * The key's value. If it has none, `make` is called, in one instance only however many ask, and its result is set; the others wait
   * for it. If that instance fails, dies or takes longer than `makeTimeoutMs`, another one makes it. If the key is set or deleted
   * meanwhile, the result is not set. `undefined` is not set either.
   *
   * @throws HeddleError SHARED_NOT_CLONEABLE, SHARED_TOO_LARGE
   * @throws what `make` throws, to its own caller only
   */
  async getOrSet<T>(key: string, make: () => T | PromiseLike<T>, options: GetOrSetOptions = {}): Promise<T> {
    checkKey(key);
    const id = this.#idOf(key);
    for (let other = making.get(id); other !== undefined; other = making.get(id)) {
      const packed = await other;
      if (packed !== undefined) return unpackPacked(packed) as T;
    }
    const { promise, resolve } = Promise.withResolvers<Packed | undefined>();
    making.set(id, promise);
    /** To those who wait here. Undefined: the next of them makes it. */
    const passOn = (packed?: Packed): void => {
      if (making.get(id) === promise) making.delete(id);
      resolve(packed);
    };
    let packed: Packed | undefined;
    try {
      const made = await this.#claim<T>(key, make, options, passOn);
      packed = made.packed;
      return made.value;
    } finally {
      passOn(packed);
    }
  }

  /** Deletes all keys of this namespace. */
  async clear(): Promise<void> {
    await this.#ask(OP.clear, "");
  }

  async #update<T>(
    key: string,
    change: (value: T | undefined) => T | undefined,
    { ttlMs }: TtlOptions,
  ): Promise<T | undefined> {
    const time = ttlMs === undefined ? KEEP_TTL : ttlOf({ ttlMs });
    let answer = await this.#ask(OP.get, key);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const value = answer.version === 0 ? undefined : (valueOf(answer) as T);
      const changed = change(value);
      if (changed instanceof Promise) {
        throw new HeddleError(
          "SHARED_INVALID",
          "the function given to update() must be synchronous, and returned a promise.",
        );
      }
      const packed = changed === undefined ? ABSENT : pack(changed);
      answer = await this.#ask(OP.replace, key, { ttlMs: time, number: answer.version, packed });
      if (answer.status === STATUS.ok) return changed;
    }
    throw new HeddleError("SHARED_BUSY", `${this.#nameOf(key)} was changed by others at each of ${MAX_TRIES} tries.`);
  }

  async #claim<T>(
    key: string,
    make: () => T | PromiseLike<T>,
    options: GetOrSetOptions,
    passOn: () => void,
  ): Promise<{ readonly value: T; readonly packed: Packed | undefined }> {
    const ttlMs = ttlOf(options);
    const leaseMs = ttlOf({ ttlMs: options.makeTimeoutMs ?? MAKE_TIMEOUT_MS });
    const answer = await this.#ask(OP.claim, key, { ttlMs: leaseMs });
    if (answer.status === STATUS.ok) return { value: valueOf(answer) as T, packed: packedOf(answer) };
    const lease = answer.number;
    // As in the store: who waits here waits no longer than those of other instances.
    const timer = leaseMs > 0 && leaseMs <= MAX_TIMER_MS ? setTimeout(passOn, leaseMs) : undefined;
    try {
      const value = await make();
      if (value === undefined) {
        await this.#ask(OP.release, key, { number: lease });
        return { value, packed: undefined };
      }
      const packed = pack(value);
      const filled = await this.#ask(OP.fill, key, { ttlMs, number: lease, packed });
      // Whoever has asked here after the key was set or deleted must not get an older value. Without a lease nobody can tell.
      const isCurrent = filled.status === STATUS.ok || lease === FOR_ITSELF;
      return { value, packed: isCurrent ? packed : undefined };
    } catch (error) {
      // The next who waits makes it. If the store can't be told, it knows from the end of the connection.
      await this.#ask(OP.release, key, { number: lease }).catch(() => {});
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #ask(
    op: number,
    key: string,
    { ttlMs = NO_TTL, number = 0, packed = ABSENT }: { ttlMs?: number; number?: number; packed?: Packed } = {},
  ): Promise<Answer> {
    if (op !== OP.clear) checkKey(key);
    const { kind, bytes: value } = packed;
    const request: Request = { op, kind, namespace: this.#namespace, key, ttlMs, number, value };
    const answer = await transport().ask(request);
    if (answer.status !== STATUS.tooLarge) return answer;
    throw new HeddleError(
      "SHARED_TOO_LARGE",
      `the value for ${this.#nameOf(key)} has ${count(value.length, "byte")}, which is more than a shared value may have.`,
      {
        hint: "The limits are --shared-value for one value, and --shared-memory for all of them.",
      },
    );
  }

  #idOf(key: string): string {
    return `${this.#namespace.length}:${this.#namespace}${key}`;
  }

  #nameOf(key: string): string {
    const name = JSON.stringify(key);
    return this.#namespace === "" ? `key ${name}` : `key ${name} of namespace ${JSON.stringify(this.#namespace)}`;
  }
}

function valueOf({ kind, number, value }: Answer): unknown {
  return unpack(kind, number, value);
}

function packedOf({ kind, number, value }: Answer): Packed {
  return kind === KIND.number ? pack(number) : { kind, bytes: value };
}

function entryOf<T>(answer: Answer): SharedEntry<T> {
  const { ttlMs } = answer;
  return { value: valueOf(answer) as T, expiresInMs: ttlMs === NO_TTL ? undefined : ttlMs };
}
