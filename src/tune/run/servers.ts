/**
 * The server that runs now: one at a time. A shape that runs already is not booted again.
 *
 * CPUs: the load generator has a core of its own if the shape leaves it one; else both share all cores, and the result says so.
 * Rejected: always keeping the generator's core free. On a machine with two cores a shape with two threads, which is what such a
 * machine is to run, would be measured on one.
 */

import { availableCpus } from "../../config/cpus.ts";
import { allowedCpus, type Generator } from "../load/generator.ts";
import { type AppToServe, bootShape } from "../probe/boot-shape.ts";
import { isSameShape, threadsOf } from "../shape.ts";
import type { Shape } from "../types.ts";
import { bootedSubject, type Subject } from "./subject.ts";

export class Servers {
  readonly #app: AppToServe;
  readonly #generator: Generator;
  readonly #signal: AbortSignal | undefined;
  #now: Subject | undefined;

  constructor(app: AppToServe, generator: Generator, signal: AbortSignal | undefined) {
    this.#app = app;
    this.#generator = generator;
    this.#signal = signal;
  }

  /** Ends the one that runs, if it has another shape. @throws HeddleError TUNE_NOT_SERVED; the signal's reason */
  async boot(shape: Shape, bootTimeoutMs?: number): Promise<Subject> {
    if (this.#now !== undefined && this.isRunning(shape)) return this.#now;
    await this.stop();
    const others = allowedCpus().filter((cpu) => cpu !== this.#generator.cpu);
    const isApart = this.#generator.cpu !== undefined && threadsOf(shape) <= others.length;
    const booted = await bootShape(this.#app, shape, {
      ...(isApart ? { cpus: others } : {}),
      ...(bootTimeoutMs === undefined ? {} : { bootTimeoutMs }),
      ...(this.#signal === undefined ? {} : { signal: this.#signal }),
    });
    this.#now = bootedSubject(booted, isApart ? others.length : availableCpus(), !isApart);
    return this.#now;
  }

  isRunning(shape: Shape): boolean {
    return this.#now !== undefined && isSameShape(this.#now.shape, shape);
  }

  async stop(): Promise<void> {
    const now = this.#now;
    this.#now = undefined;
    await now?.stop();
  }
}
