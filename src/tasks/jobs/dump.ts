/** A dump of all tasks on all threads, at any time: which tasks exist, what each does, and since when. */

import { LOAD } from "../../runtime/runtime.ts";
import { clearTimeout, setTimeout } from "../../kit/native-timers.ts";
import { nameAt } from "./task-names.ts";
import { closeRequest, openRequest } from "../remote-requests.ts";
import { connected, handle, OP, tell } from "../task-service.ts";
import { allUnits, type UnitState } from "./unit.ts";

export interface TaskDump {
  /** Equals `Handle.id`. Empty for a task of a thread that does not answer. */
  readonly id: string;
  readonly name: string;
  readonly thread: number;
  readonly state: UnitState;
  /**
   * Where it is parked: "receive", "send", "select", "sleep", "mutex" …; undefined if it is not, or awaits a promise of its
   * own.
   */
  readonly where?: string;
  /** Milliseconds since 1970, good to about one. */
  readonly since: number;
}

/** How long a thread may take to answer. A computing thread does not answer; its board shows what it runs. */
const PATIENCE_MS = 500;

/** All tasks, thread by thread. */
export async function dumpTasks(): Promise<TaskDump[]> {
  const others = [...connected().threads()].filter((thread) => thread !== connected().self);
  const rows = await Promise.all(others.map(dumpThere));
  return [...dumpHere(), ...rows.flat()];
}

function dumpHere(): TaskDump[] {
  const thread = connected().self;
  return Array.from(allUnits(), ({ id, name, state, where, sinceMs }) => ({
    id,
    name,
    thread,
    state,
    ...(where === undefined ? {} : { where }),
    since: performance.timeOrigin + sinceMs,
  }));
}

function dumpThere(thread: number): Promise<TaskDump[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      closeRequest(id);
      silent(thread).then(resolve, reject);
    }, PATIENCE_MS);
    const end = (rows: TaskDump[]): void => {
      clearTimeout(timer);
      resolve(rows);
    };
    // A thread that ends meanwhile has no tasks any more.
    const id = openRequest(thread, "thread", {
      answered: (_index, rows) => end(rows as TaskDump[]),
      refused: () => end([]),
    });
    tell(thread, [OP.dump, id]);
  });
}

/** What runs on a thread that can't answer. The root looks at the thread. Others, and whoever can't, look at the board. */
async function silent(thread: number): Promise<TaskDump[]> {
  const { board, runaways } = connected();
  const since = Date.now() - board.silentMs(thread);
  const turn = (await runaways?.lookAt(thread))?.turn;
  const name = (turn === undefined ? nameAt(thread, board.read(thread, LOAD.current)) : turn.name) ?? "unknown";
  return [{ id: "", name, thread, state: "running", where: "does not answer", since }];
}

handle(OP.dump, (from, [id]) => tell(from, [OP.answer, id, 0, dumpHere()]));
