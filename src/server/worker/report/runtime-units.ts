/**
 * The tasks and actors of the threads that the worker's runtime has started by itself: scheduler and blocking threads. The root of the
 * runtime is on this thread, and asks them by a service of its own (runtime/watch/watch-service.ts).
 */

import type { Runtime } from "../../../runtime/runtime.ts";
import { CountsRow, type UnitCounts } from "../../../runtime/watch/unit-counts.ts";
import type { ThreadName, UnitAnswer, UnitQuestion } from "../../../runtime/watch/unit-look.ts";
import { UNITS_PATIENCE_MS } from "./watched-units.ts";

type Service = typeof import("../../../runtime/watch/watch-service.ts");

export interface CountedThread extends ThreadName {
  readonly counts: UnitCounts;
}

/** Three beats of a thread. */
const SILENT_MS = 300;

export class RuntimeUnits {
  readonly #rows = new Map<number, ThreadName & { readonly row: CountsRow }>();
  readonly #root: () => Runtime | undefined;
  #service: Promise<Service> | undefined;

  constructor(root: () => Runtime | undefined) {
    this.#root = root;
  }

  /** The runtime has begun: the app uses tasks or actors. */
  begin(): void {
    this.#service ??= import("../../../runtime/watch/watch-service.ts").then((service) => {
      service.watchThreads(({ row, ...name }) => this.#rows.set(name.threadId!, { ...name, row: new CountsRow(row) }));
      return service;
    });
  }

  counts(): CountedThread[] {
    for (const [threadId, { row }] of this.#rows) if (row.isClosed) this.#rows.delete(threadId);
    return [...this.#rows.values()].map(({ row, ...name }) => ({ ...name, counts: row.read() }));
  }

  /** For how long the loop of a thread of the server has not turned, although it has tasks or actors. Undefined: it turns. */
  silentMs(threadId: number): number | undefined {
    const root = this.#root();
    for (const [thread, ofNode] of root?.adopted?.running() ?? []) {
      if (ofNode !== threadId) continue;
      const silentMs = root!.board.silentMs(thread);
      return silentMs > SILENT_MS ? silentMs : undefined;
    }
    return undefined;
  }

  async ask(question: UnitQuestion): Promise<readonly UnitAnswer[]> {
    const service = await this.#service;
    // A thread that is silent is looked at from outside, within the patience of whoever asks here.
    return (await service?.askThreads(question, UNITS_PATIENCE_MS[question] / 3)) ?? [];
  }
}
