/**
 * The services on one thread. Delivers each message to its service, or keeps it while the service's module is being
 * imported.
 */

import type { HeddleError } from "../errors/errors.ts";
import type { Member } from "./threads/thread-protocol.ts";

export interface Service {
  readonly name: string;
  /** `import.meta.url` of the module that opens it at its top level. */
  readonly module: string;
  /** Must not throw: what it throws is an uncaught exception. */
  receive(from: number, payload: unknown): void;
  /** A thread has ended. `why` is a THREAD_DIED. */
  threadGone?(thread: number, why: HeddleError): void;
  threadAdded?(thread: Member): void;
  /** What its units on this thread wait for, if the program is not meant to end before they do: an object for each wait. */
  unfinished?(): readonly object[];
  /** The thread is about to be ended: its units are told to end, and get the time to. */
  stop?(): void;
  /** On the root: no thread has work, some have unfinished units, and the program is about to end. */
  ending?(): Promise<void>;
}

interface Early {
  readonly from: number;
  readonly payload: unknown;
}

export class Services {
  readonly #open = new Map<string, Service>();
  readonly #early = new Map<string, Early[]>();

  open(service: Service): void {
    this.#open.set(service.name, service);
    const early = this.#early.get(service.name) ?? [];
    this.#early.delete(service.name);
    // Not now: the module that opens it has not run to its end yet.
    if (early.length > 0) queueMicrotask(() => early.forEach(({ from, payload }) => service.receive(from, payload)));
  }

  /** The module of a service of this thread. undefined: it is not open. */
  moduleOf(name: string): string | undefined {
    return this.#open.get(name)?.module;
  }

  /** Another thread will send to it: imports its module, unless that has happened. */
  expect(name: string, module: string): void {
    if (this.#open.has(name) || this.#early.has(name)) return;
    this.#early.set(name, []);
    void import(module);
  }

  deliver(from: number, name: string, payload: unknown): void {
    const service = this.#open.get(name);
    if (service === undefined) {
      this.#early.get(name)!.push({ from, payload });
      return;
    }
    try {
      service.receive(from, payload);
    } catch (error) {
      // The rest of the batch must still arrive.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  unfinished(): readonly object[] {
    return [...this.#open.values()].flatMap((service) => service.unfinished?.() ?? []);
  }

  async ending(): Promise<void> {
    await Promise.all([...this.#open.values()].map(async (service) => service.ending?.()));
  }

  stop(): void {
    for (const service of this.#open.values()) service.stop?.();
  }

  threadAdded(thread: Member): void {
    for (const service of this.#open.values()) service.threadAdded?.(thread);
  }

  threadGone(thread: number, why: HeddleError): void {
    for (const service of this.#open.values()) service.threadGone?.(thread, why);
  }
}
