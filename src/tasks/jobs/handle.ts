/** The handle that `go` returns: await it for the task's result, or cancel the task. If the task fails, awaiting the handle throws; if
 * the handle is never awaited, the failure is reported once, as an unhandled rejection with the task's name.
 */

import { HeddleError, messageOf } from "../../errors/errors.ts";
import { setImmediate } from "../../kit/native-timers.ts";
import { canceled } from "../context/canceled.ts";
import { forgetSite } from "../../runtime/watch/start-sites.ts";

type State =
  | { readonly is: "pending" }
  | { readonly is: "succeeded"; readonly value: unknown }
  | { readonly is: "failed"; readonly error: unknown };

const PENDING: State = { is: "pending" };

/** How a task ends, and the promises of those who wait for that. Made on first use, because most parked tasks have none. */
export class Completion {
  #state: State = PENDING;
  #awaited: PromiseWithResolvers<unknown> | undefined;
  #isOver = false;
  #over: PromiseWithResolvers<void> | undefined;

  get isPending(): boolean {
    return this.#state.is === "pending";
  }

  succeeded(value: unknown): void {
    this.#settle({ is: "succeeded", value });
    this.ended();
  }

  /** `name`: of the task, for the report if nobody awaits it. */
  failed(error: unknown, name: string): void {
    if (this.#settle({ is: "failed", error }) && this.#awaited === undefined) {
      setImmediate(() => this.#report(error, name));
    }
    this.ended();
  }

  /** It is given up. If it runs, it ends later. */
  canceled(error: HeddleError): void {
    this.#settle({ is: "failed", error });
  }

  /** Nothing of the task runs any more. */
  ended(): void {
    this.#isOver = true;
    forgetSite(this);
    this.#over?.resolve();
  }

  promise(): Promise<unknown> {
    if (this.#awaited === undefined) {
      this.#awaited = Promise.withResolvers<unknown>();
      this.#tell();
    }
    return this.#awaited.promise;
  }

  untilEnded(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#over ??= Promise.withResolvers<void>();
    return this.#over.promise;
  }

  #settle(state: State): boolean {
    if (!this.isPending) return false;
    this.#state = state;
    this.#tell();
    return true;
  }

  #tell(): void {
    if (this.#state.is === "succeeded") this.#awaited?.resolve(this.#state.value);
    else if (this.#state.is === "failed") this.#awaited?.reject(this.#state.error);
  }

  #report(cause: unknown, name: string): void {
    if (this.#awaited !== undefined) return;
    // Node's own way of reporting: a listener, a warning or the program's end, as configured.
    void Promise.reject(
      new HeddleError(
        "TASK_FAILED",
        `the task "${name}" failed, and its handle was never awaited: ${messageOf(cause)}`,
        {
          cause,
        },
      ),
    );
  }
}

export abstract class Handle<R> implements PromiseLike<R> {
  /** The task's name. */
  abstract get name(): string;

  /** Unique in the program: the number of the thread that started it, and its number there. Dumps show it. */
  abstract get id(): string;

  protected abstract get completion(): Completion;

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
    const { completion } = this;
    if (!completion.isPending) return;
    const error = canceled(`the task "${this.name}" was cancelled`, reason);
    const runs = this.stop(error);
    completion.canceled(error);
    if (!runs) completion.ended();
  }

  /** For the library: settles when nothing of the task runs any more. After a cancellation that is later than the handle. */
  ended(): Promise<void> {
    return this.completion.untilEnded();
  }

  #promise(): Promise<R> {
    return this.completion.promise() as Promise<R>;
  }
}
