/**
 * Locks and similar objects on other threads: a stand-in calls the methods of the object at home. When a thread ends, what it
 * holds (a lock) is released for it, so that no task waits for a dead thread.
 */

import { packThrown } from "../../errors/errors.ts";
import { pack, unpack } from "../../runtime/copy/message-packing.ts";
import { homedAt, lossOf, registerHomed, type StandIn } from "../homed-objects.ts";
import { ask } from "../remote-requests.ts";
import { connected, handle, onThreadGone, OP, tell } from "../task-service.ts";

type Method = (...args: readonly unknown[]) => unknown;
type Core = Readonly<Record<string, Method>>;

export interface CallableKind<T extends object, C extends object> {
  /** Its name in errors: "mutex". */
  readonly tag: string;
  readonly prototype: T;
  readonly coreOf: (object: T) => C;
  readonly withCore: (core: C) => T;
  readonly methods: readonly (keyof C & string)[];
  /** Methods that acquire, and the methods that release; both take the same arguments. */
  readonly holds?: Readonly<Record<string, keyof C & string>>;
}

const coreFor = new Map<string, (object: object) => Core>();
const holdsFor = new Map<string, Readonly<Record<string, string>>>();

/** What threads hold: how often, by thread, object and the releasing method. */
interface Hold {
  readonly thread: number;
  readonly core: Core;
  readonly undo: string;
  readonly args: readonly unknown[];
}

const held = new Set<Hold>();

export function registerCallable<T extends object, C extends object>(kind: CallableKind<T, C>): void {
  const { tag, prototype, coreOf, withCore, methods, holds = {} } = kind;
  coreFor.set(tag, (object) => coreOf(object as T) as Core);
  holdsFor.set(tag, holds);
  registerHomed<T>({
    tag,
    prototypes: [prototype],
    facts: () => undefined,
    standIn: (reference) => {
      const core = Object.fromEntries(
        methods.map((method) => [method, (...args: readonly unknown[]) => call(tag, reference, method, args)]),
      );
      return withCore(core as C);
    },
  });
}

async function call(tag: string, reference: StandIn, method: string, args: readonly unknown[]): Promise<unknown> {
  const loss = lossOf(reference, tag);
  if (loss !== undefined) throw loss;
  const packed = pack(args);
  return await ask({
    thread: reference.home,
    what: tag,
    where: `${tag}.${method}`,
    tell: (id) => tell(reference.home, [OP.call, id, tag, reference.id, method, packed.value, packed.markers]),
    result: (_index, value) => value,
  });
}

handle(OP.call, (from, [id, tag, object, method, args, markers]) => {
  void serve(
    from,
    id as number,
    tag as string,
    object as number,
    method as string,
    unpack(args, markers as never) as [],
  );
});

async function serve(from: number, id: number, tag: string, object: number, method: string, args: []): Promise<void> {
  try {
    const core = coreFor.get(tag)!(homedAt(object));
    const result = await core[method]!(...args);
    record(from, core, holdsFor.get(tag)!, method, args, result);
    const packed = pack(result);
    tell(from, [OP.answer, id, 0, packed.value, packed.markers]);
  } catch (error) {
    tell(from, [OP.refusal, id, packThrown(error)]);
  }
}

/** Records a call that acquired or released. `tryLock` and similar return false if they did not. */
function record(
  thread: number,
  core: Core,
  holds: Readonly<Record<string, string>>,
  method: string,
  args: readonly unknown[],
  result: unknown,
): void {
  const undo = holds[method];
  if (undo !== undefined && result !== false) {
    const hold: Hold = { thread, core, undo, args };
    if (connected().has(thread)) held.add(hold);
    else giveBack(hold);
    return;
  }
  // As in Go, any task may unlock, so the hold that ends may be another thread's.
  const ended = [...held].filter((hold) => hold.core === core && hold.undo === method);
  const one = ended.find((hold) => hold.thread === thread) ?? ended[0];
  if (one !== undefined) held.delete(one);
}

function giveBack(hold: Hold): void {
  held.delete(hold);
  const [count] = hold.args;
  void hold.core[hold.undo]!(...(typeof count === "number" ? [count] : []));
}

onThreadGone((thread) => {
  for (const hold of held) if (hold.thread === thread) giveBack(hold);
});
