/**
 * Text of the app or of a server (routes, notes, errors) on its way to a reader: what could move the cursor, colour the rest
 * of the screen or reorder it is shown as its code.
 */

/** C0 and C1 controls, line and paragraph separators, and the marks that change the direction of writing. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function printable(text: string): string {
  return text.replace(UNSAFE, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
