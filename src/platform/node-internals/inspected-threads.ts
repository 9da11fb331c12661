/** Finds the thread that the inspector reports. */

/**
 * `threadId` of a thread that the inspector reports. The inspector has its own id for each. The thread's id is only in the
 * title: "[worker 3] its name". undefined: the title has none.
 */
export function threadIdIn(title: string): number | undefined {
  const digits = /^\[worker (\d+)\]/.exec(title)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
