/** The one error class. Its code determines exit code and HTTP status, by the table. Its message says what happened, what
 * heddle got, and what it expected.
 */

import { inspect } from "node:util";
import { errorTable, type ErrorCode } from "./table.ts";

export interface HeddleErrorOptions {
  readonly cause?: unknown;
  /** What to try, if it is too long for the message; printed on a separate line. */
  readonly hint?: string | undefined;
}

export class HeddleError extends Error {
  override readonly name: string = "HeddleError";
  readonly code: ErrorCode;
  declare readonly exitCode?: 0 | 1 | 2;
  declare readonly status?: number;
  declare readonly hint?: string;

  constructor(code: ErrorCode, message: string, options: HeddleErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    const { exitCode, status } = errorTable[code];
    this.code = code;
    if (exitCode !== undefined) this.exitCode = exitCode;
    if (status !== undefined) this.status = status;
    if (options.hint !== undefined) this.hint = options.hint;
  }
}

/** The text of any thrown value: apps throw strings, plain objects, and errors whose getters throw. Never throws. */
export function messageOf(error: unknown): string {
  try {
    if (typeof error === "string") return error;
    if (error instanceof Error) return error.message || error.name;
    if (typeof error === "object" && error !== null && "message" in error && typeof error.message === "string") {
      return error.message;
    }
    return inspect(error, { depth: 1, breakLength: Infinity });
  } catch {
    return "an error that cannot be shown";
  }
}
