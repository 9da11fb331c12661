/** A number of things, for messages: `1 worker`, `2 workers`, `0 entries`. One helper, so that no message says "1 workers". */

export function count(number: number, noun: string, plural: string = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
