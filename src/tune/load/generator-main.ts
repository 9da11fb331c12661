/** The process of the load generator: the child's side of generator.ts. It ends when its parent does. */
import { toWire } from "../../errors/errors.ts";
import type { FromGenerator, ToGenerator } from "./plan.ts";
import { run } from "./run.ts";

let stopping: AbortController | undefined;

process.on("disconnect", () => process.exit());
// The parent tells when to stop. A Ctrl-C in a terminal goes to the whole group.
process.on("SIGINT", () => {});
process.on("message", (message: ToGenerator) => {
  if (message.type === "stop") stopping?.abort();
  else void answer(message);
});
tell({ type: "ready" });

async function answer({ plan, maySpin }: Extract<ToGenerator, { type: "run" }>): Promise<void> {
  stopping = new AbortController();
  const { signal } = stopping;
  try {
    const measured = await run(plan, { signal, maySpin, onEdge: (edge) => tell({ type: "window", edge }) });
    tell({ type: "done", measured });
  } catch (error) {
    tell({ type: "failed", error: toWire(error) });
  }
}

function tell(message: FromGenerator): void {
  process.send?.(message);
}
