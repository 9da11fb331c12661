/**
 * Numbers for the names of tasks: a number fits on the board, where the root reads who runs on a thread that does not
 * answer. The root is told each name once, and at once: the task might never let the thread send anything again.
 */

import { LOAD, ROOT } from "../../runtime/runtime.ts";
import { connected, handle, OP } from "../task-service.ts";

/** Beyond this, new names get no number. Nobody writes that many tasks, but a program may generate names for closures. */
const MAX_NAMES = 4096;

const numbers = new Map<string, number>();
const named = new Map<string, string>();
let lastName = "";
let lastNumber = 0;

export function numberOf(name: string): number {
  if (name === lastName) return lastNumber;
  lastName = name;
  lastNumber = numbers.get(name) ?? add(name);
  return lastNumber;
}

function add(name: string): number {
  if (numbers.size >= MAX_NAMES) return 0;
  const number = numbers.size + 1;
  numbers.set(name, number);
  const runtime = connected();
  if (runtime.self === ROOT) named.set(`${ROOT}/${number}`, name);
  else runtime.postNow(ROOT, "heddle.tasks", [OP.named, number, name]);
  return number;
}

/** On the root: the name of the task that runs on a thread. */
export function nameAt(thread: number, number: number): string | undefined {
  return named.get(`${thread}/${number}`);
}

handle(OP.named, (from, [number, name]) => {
  const { runaways, board } = connected();
  if (runaways !== undefined) runaways.nameOf = (thread) => nameAt(thread, board.read(thread, LOAD.current));
  named.set(`${from}/${number as number}`, name as string);
});
