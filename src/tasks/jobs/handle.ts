/** The handle that `go` returns: await it for the task's result, or cancel the task. If the task fails, awaiting the handle throws; if
 * the handle is never awaited, the failure is reported once, as an unhandled rejection with the task's name.
 */

import { HeddleError, messageOf } from "../../errors/errors.ts";
import { setImmediate } from "../../kit/native-timers.ts";
import { canceled } from "../context/canceled.ts";
import { forgetSite } from "./start-sites.ts";

type State =
  | { readonly is: "pending" }
  | { readonly is: "succeeded"; readonly value: unknown }
  | { readonly is: "failed"; readonly error: unknown };

const PENDING: State = { is: "pending" };

export abstract class Handle<R> implements PromiseLike<R> {
  /** The task's name. */
  readonly name: string;
  readonly #number: number;
  #state: State = PENDING;
  #awaited: PromiseWithResolvers<unknown> | undefined;
  #isOver = false;
  #over: PromiseWithResolvers<void> | undefined;

  /** For the library. */
  constructor(number: number, name: string) {
    this.#number = number;
    this.name = name;
  }

  /** Unique in the program: the number of the thread that started it, and its number there. Dumps show it. */
  get id(): string {
    return `${this.prefix()}${this.#number}`;
  }

  protected abstract prefix(): string;

  /**
   * The program may end while the task is parked. Otherwise a program that ends because nothing is left that could wake its
   * tasks says so, and its exit code is 2.
   */
  abstract unref(): this;

  /** Stops the task. False: it has not started, and never will. */
  protected abstract stop(error: HeddleError): boolean;

  // oxlint-disable-next-line no-thenable -- a handle is awaited
  then<A = R, B = never>(
    fulfilled?: ((value: R) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#promise().then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<R | B> {
    return this.#promise().catch(rejected);
  }

  finally(run?: (() => void) | null): Promise<R> {
    return this.#promise().finally(run);
  }

  /**
   * Awaiting the handle throws a CANCELED error, with `reason` as its cause. A task that has not started never does. If it has
   * started, its context (`Context.current()`) is cancelled, and the task must end itself.
   */
  cancel(reason?: unknown): void {
    if (this.#state.is !== "pending") return;
    const error = canceled(`the task "${this.name}" was cancelled`, reason);
    const runs = this.stop(error);
    this.#settle({ is: "failed", error }, false);
    if (!runs) this.#end();
  }

  /** For the library: settles when nothing of the task runs any more. After a cancellation that is later than the handle. */
  ended(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#over ??= Promise.withResolvers<void>();
    return this.#over.promise;
  }

  /** For the library. */
  succeeded(value: unknown): void {
    this.#settle({ is: "succeeded", value }, true);
    this.#end();
  }

  /** For the library. */
  failed(error: unknown): void {
    this.#settle({ is: "failed", error }, true);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    forgetSite(this);
    this.#over?.resolve();
  }

  #settle(state: State, isReported: boolean): void {
    if (this.#state.is !== "pending") return;
    this.#state = state;
    if (this.#awaited !== undefined) this.#tell(this.#awaited);
    else if (state.is === "failed" && isReported) setImmediate(() => this.#report(state.error));
  }

  #promise(): Promise<R> {
    if (this.#awaited === undefined) {
      this.#awaited = Promise.withResolvers<unknown>();
      if (this.#state.is !== "pending") this.#tell(this.#awaited);
    }
    return this.#awaited.promise as Promise<R>;
  }

  #tell({ resolve, reject }: PromiseWithResolvers<unknown>): void {
    if (this.#state.is === "succeeded") resolve(this.#state.value);
    else if (this.#state.is === "failed") reject(this.#state.error);
  }

  #report(cause: unknown): void {
    if (this.#awaited !== undefined) return;
    // Node's own way of reporting: a listener, a warning or the program's end, as configured.
    void Promise.reject(
      new HeddleError(
        "TASK_FAILED",
        `the task "${this.name}" failed, and its handle was never awaited: ${messageOf(cause)}`,
        {
          cause,
        },
      ),
    );
  }
}
