/** Immediates that Node has lost run behind another one, and a stack says where it was entered. */

import { executionAsyncResource } from "node:async_hooks";
import { entryOfStack, keepImmediates, loseImmediates } from "../terminated.ts";
import type { Findings, See } from "./probe.ts";

/** What does not run is not waited for. */
const PATIENCE_MS = 1000;

export async function tryImmediates(findings: Findings, see: See): Promise<void> {
  const entries: string[] = [];
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const patience = setTimeout(resolve, PATIENCE_MS);
  setTimeout(() => {
    entries.push(entryOfStack());
    setImmediate(() => {
      entries.push(entryOfStack());
      queueMicrotask(() => entries.push(entryOfStack()));
      const restore = keepImmediates(see(loseImmediates(executionAsyncResource())));
      const by = setImmediate(() => {
        order.push("by");
        restore?.(by);
      });
      setImmediate(() => {
        order.push("behind");
        queueMicrotask(() => entries.push(entryOfStack()));
      });
      setImmediate(resolve);
    });
    // If it stays lost, it must not keep the loop turning.
    setImmediate(() => order.push("lost")).unref();
  }, 1);
  await promise;
  clearTimeout(patience);
  findings.try("node:internal/timers: names in stacks", () => entries.join() === "timer,immediate,elsewhere,elsewhere");
  findings.try("Immediate: its list", () => order.join() === "by,lost,behind");
}
