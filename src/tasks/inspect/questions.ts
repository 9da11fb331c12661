/** Questions to all threads about their tasks. */

import { clearTimeout, setTimeout } from "../../kit/native-timers.ts";
import { closeRequest, openRequest } from "../remote-requests.ts";
import { connected, handle, OP, tell } from "../task-service.ts";

const answerers = new Map<string, () => unknown>();

/** `answer` may return a promise. The answer must consist of copies. */
export function onQuestion(name: string, answer: () => unknown): void {
  answerers.set(name, answer);
}

export interface Answers<T> {
  readonly answers: readonly T[];
  /** Threads that did not answer in time: they compute. */
  readonly silent: readonly number[];
}

/** Asks all threads, this one too. A thread that ends meanwhile is left out. */
export async function askAll<T>(name: string, patienceMs: number): Promise<Answers<T>> {
  const { self } = connected();
  const others = [...connected().threads()].filter((thread) => thread !== self);
  const silent: number[] = [];
  const found = await Promise.all(
    others.map(async (thread) => {
      const answer = await ask(thread, name, patienceMs);
      if (answer === "silent") silent.push(thread);
      return answer;
    }),
  );
  const answers = [(await answerers.get(name)!()) as T];
  for (const each of found) if (each !== "silent" && each !== "gone") answers.push(each.answer as T);
  return { answers, silent };
}

function ask(
  thread: number,
  name: string,
  patienceMs: number,
): Promise<{ readonly answer: unknown } | "silent" | "gone"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      closeRequest(id);
      resolve("silent");
    }, patienceMs);
    const id = openRequest(thread, "thread", {
      answered: (_index, answer) => {
        clearTimeout(timer);
        resolve({ answer });
      },
      refused: () => {
        clearTimeout(timer);
        resolve("gone");
      },
    });
    tell(thread, [OP.question, id, name]);
  });
}

handle(OP.question, (from, [id, name]) => {
  void (async () => {
    const answer = await answerers.get(name as string)!();
    tell(from, [OP.answer, id, 0, answer]);
  })();
});
