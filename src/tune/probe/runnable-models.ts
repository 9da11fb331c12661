/**
 * The models that an app can run on: `heddle check` under each of them, as a child process, two at a time. It loads the app in a worker as
 * `serve` does, so that what it refuses is refused for the same reasons.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settings } from "../../config/settings.ts";
import type { AppToServe } from "./boot-shape.ts";
import { BIN, ownMessage, serveArguments } from "./serve-arguments.ts";

export interface RunnableModels {
  readonly models: readonly string[];
  readonly refused: readonly { readonly model: string; readonly why: string }[];
}

const AT_ONCE = 2;
/** Longer than the default of `--boot-timeout`, whose message says more. */
const CHECK_TIMEOUT_MS = 35_000;

/** In the order of `models`; default: all. @throws the signal's reason */
export async function runnableModels(
  app: AppToServe,
  options: { readonly models?: readonly string[]; readonly signal?: AbortSignal } = {},
): Promise<RunnableModels> {
  const { signal } = options;
  const models: readonly string[] = options.models ?? settings.model.choices ?? [];
  const folder = mkdtempSync(join(tmpdir(), "heddle-tune-"));
  try {
    const refusals = new Map<string, string | undefined>();
    const left = [...models];
    const work = async (): Promise<void> => {
      for (let model = left.shift(); model !== undefined; model = left.shift()) {
        refusals.set(model, await refusal(app, model, folder, signal));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return {
      models: models.filter((model) => refusals.get(model) === undefined),
      refused: models.flatMap((model) => {
        const why = refusals.get(model);
        return why === undefined ? [] : [{ model, why }];
      }),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Why the app does not run on the model; undefined: it does. */
function refusal(
  { args, cwd, env = process.env }: AppToServe,
  model: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const [, ...rest] = serveArguments(args, { model, workers: 1, threads: 1 })(folder);
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [BIN, "check", ...rest],
      {
        cwd,
        env: { ...env, NO_COLOR: "1" },
        timeout: CHECK_TIMEOUT_MS,
        killSignal: "SIGKILL",
        ...(signal && { signal }),
      },
      (error, stdout, stderr) => {
        if (signal?.aborted === true) reject(signal.reason as Error);
        else resolve(error === null ? undefined : ownMessage(stdout + stderr) || error.message);
      },
    );
  });
}
