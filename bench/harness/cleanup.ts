/**
 * Cleanup that must happen however the run ends: a measured server that outlives its run would take CPU from the next one.
 *
 * Every started process or temporary directory registers its cleanup here, and removes it after the ordinary cleanup. The rest
 * runs, newest first, when the run ends, fails, or is interrupted.
 */

type Undo = () => void | Promise<void>;

const pending = new Set<Undo>();
let cleaning: Promise<void> | undefined;

/** Registers a cleanup. The returned function removes it. */
export function onCleanup(undo: Undo): () => void {
  pending.add(undo);
  return () => void pending.delete(undo);
}

/** Runs the registered cleanups, newest first. If one fails, the others still run. */
export function cleanUp(): Promise<void> {
  cleaning ??= runAll().finally(() => {
    cleaning = undefined;
  });
  return cleaning;
}

async function runAll(): Promise<void> {
  for (const undo of [...pending].toReversed()) {
    pending.delete(undo);
    try {
      await undo();
    } catch (error) {
      console.error(`cleanup: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Runs a benchmark's main function and cleans up after it on success, failure, Ctrl-C and SIGTERM. */
export async function runCleanly(main: () => Promise<void>): Promise<void> {
  for (const [signal, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      console.error(`\n${signal}: stopping what was started`);
      void cleanUp().then(() => process.exit(exitCode));
    });
  }
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    await cleanUp();
  }
}
