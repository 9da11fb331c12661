/**
 * Locks and similar objects on other threads: a stand-in calls the methods of the object at home. The first argument of every
 * method is the thread that calls, for the object's records (holds.ts).
 */

import { pack, unpack } from "../../runtime/copy/message-packing.ts";
import { homedAt, lossOf, registerHomed, type StandIn } from "../homed-objects.ts";
import { ask } from "../remote-requests.ts";
import { handle, OP, tell } from "../task-service.ts";
import { packThrown } from "../wire-thrown.ts";
import { type Holdable, type Holder, involve, release } from "./holds.ts";

type Method = (by: Holder, ...args: readonly unknown[]) => unknown;
type Core = Readonly<Record<string, Method>> & Holdable;

export interface CallableKind<T extends object, C extends object> {
  /** Its name in errors: "mutex". */
  readonly tag: string;
  readonly prototype: T;
  readonly coreOf: (object: T) => C;
  readonly withCore: (core: C) => T;
  readonly methods: readonly (keyof C & string)[];
}

const coreFor = new Map<string, (object: object) => Core>();

export function registerCallable<T extends object, C extends object>(kind: CallableKind<T, C>): void {
  const { tag, prototype, coreOf, withCore, methods } = kind;
  coreFor.set(tag, (object) => coreOf(object as T) as never);
  registerHomed<T>({
    tag,
    prototypes: [prototype],
    facts: () => undefined,
    standIn: (reference) => {
      const core = Object.fromEntries(
        methods.map((method) => [
          method,
          (_by: Holder, ...args: readonly unknown[]) => call(tag, reference, method, args),
        ]),
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
  const core = coreFor.get(tag)!(homedAt(object));
  // It may have to wait.
  involve(from, core);
  try {
    const packed = pack(await core[method]!(from, ...args));
    tell(from, [OP.answer, id, 0, packed.value, packed.markers]);
  } catch (error) {
    tell(from, [OP.refusal, id, packThrown(error)]);
  } finally {
    release(from, core);
  }
}
