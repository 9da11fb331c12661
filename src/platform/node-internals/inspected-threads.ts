/** Which thread the inspector means. */

/**
 * `threadId` of a thread that the inspector tells of: it has an id of its own for each, and the thread's stands only in the title,
 * "[worker 3] its name". undefined: it doesn't.
 */
export function threadIdIn(title: string): number | undefined {
  const digits = /^\[worker (\d+)\]/.exec(title)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
