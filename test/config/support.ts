/** Shared by the config tests: empty sources, and a way to read the message of a refusal. */

import assert from "node:assert/strict";
import {
  parseArguments,
  resolveConfig,
  type ConfigSources,
  type ServerConfig,
  type Environment,
} from "../../src/config/config.ts";
import { HeddleError, type ErrorCode } from "../../src/errors/errors.ts";

export interface Said {
  readonly argv?: readonly string[];
  readonly env?: Environment;
  readonly file?: Readonly<Record<string, unknown>>;
  readonly isTTY?: boolean;
}

export function resolved({ argv = [], env = {}, file, isTTY = false }: Said = {}): ServerConfig {
  const { flags, positionals } = parseArguments(["app.ts", ...argv]);
  const sources: ConfigSources = {
    app: positionals[0],
    flags,
    env,
    file: file === undefined ? undefined : { path: "/srv/heddle.config.ts", settings: file },
    cwd: "/srv",
    pid: 41,
    isTTY,
    cpus: 3,
  };
  return resolveConfig(sources);
}

/** Runs what must be refused with this code, and gives back the message. */
export function refusal(code: ErrorCode, run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof HeddleError, String(error));
    assert.equal(error.code, code, error.message);
    return error.message;
  }
  return assert.fail(`${code} was not raised`);
}
