/** What differs between the runtime of a plain program, whose root is the first thread that uses it, and that of a server. */

export interface RuntimeWarning {
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
}

export interface RootOptions {
  /** Says what befalls the threads. */
  readonly warn: (warning: RuntimeWarning) => void;
  /** A server starts and ends it. So its end is never a deadlock, and nothing looks for one. */
  readonly isServers: boolean;
  /** The server has scheduler threads, so the runtime starts none. */
  readonly hasSchedulers: () => boolean;
}

export const OF_A_PROGRAM: RootOptions = {
  warn: ({ code, message, detail }) =>
    process.emitWarning(message, { type: "HeddleWarning", code, ...(detail !== undefined && { detail }) }),
  isServers: false,
  hasSchedulers: () => false,
};
