/**
 * Contexts on other threads. A stand-in has the values and the deadline from the beginning. The context's home tells it when
 * the context is cancelled. Cancelling a stand-in cancels the context itself.
 *
 * Only a context that can be cancelled has a home. A context that only adds values is sent as its values and the context below
 * them: a program may make one for each request, and home would have to remember each.
 */

import { type HeddleError, packThrown, unpackThrown, type WireThrown } from "../../errors/errors.ts";
import { pack, type Packed, unpack } from "../../runtime/copy/message-packing.ts";
import { canceled } from "./canceled.ts";
import { CancelableContext, Context } from "./context.ts";
import { homedAt, hasNoHome, registerHomed, type StandIn } from "../homed-objects.ts";
import { handle, onThreadGone, OP, tell } from "../task-service.ts";

interface Facts {
  readonly values: Packed;
  /** Set for a context that can be cancelled itself. */
  readonly deadline: number | undefined;
  /** The cancellable context that the values are added to. undefined: there is none, or this context is it. */
  readonly canceler: Packed | undefined;
}

class RemoteContext extends CancelableContext {
  readonly #reference: StandIn;

  constructor(reference: StandIn, parent: Context, deadline: number | undefined) {
    super(parent, deadline);
    this.#reference = reference;
    followed.set(keyOf(reference.home, reference.id), this);
    tell(reference.home, [OP.follow, reference.id]);
  }

  override cancel(cause?: unknown): void {
    super.cancel(cause);
    const { value, markers } = pack(cause);
    tell(this.#reference.home, [OP.cancelContext, this.#reference.id, value, markers]);
  }
}

/** Kept until they are cancelled, because the program may hold only the signal of a context. */
const followed = new Map<string, RemoteContext>();
/** At home: whom to tell, by thread. */
const following = new Map<number, Map<number, () => void>>();

function keyOf(home: number, id: number): string {
  return `${home}/${id}`;
}

registerHomed<Context>({
  tag: "context",
  prototypes: [
    Context.prototype,
    CancelableContext.prototype,
    RemoteContext.prototype,
    Object.getPrototypeOf(Context.background().withoutCancel()) as object,
  ],
  isConstant: isNotCancelable,
  facts: (context): Facts => {
    const canceler = isNotCancelable(context) ? context.canceler() : undefined;
    return {
      values: pack(context.values()),
      deadline: context.deadline,
      canceler: canceler && pack(canceler),
    };
  },
  standIn: (reference, facts) => {
    const { values, deadline, canceler } = facts as Facts;
    let context = canceler === undefined ? Context.background() : (meant(canceler) as Context);
    for (const [key, value] of meant(values) as [unknown, unknown][]) context = context.withValue(key, value);
    return hasNoHome(reference) ? context : new RemoteContext(reference, context, deadline);
  },
});

function isNotCancelable(context: Context): boolean {
  return !(context instanceof CancelableContext);
}

function meant({ value, markers }: Packed): unknown {
  return unpack(value, markers);
}

handle(OP.follow, (from, [id]) => {
  const context = homedAt(id as number) as Context;
  const mine = following.get(from) ?? new Map<number, () => void>();
  following.set(from, mine);
  mine.get(id as number)?.();
  const forget = context.onCancel(() => {
    mine.delete(id as number);
    tell(from, [OP.canceled, id, packThrown(context.error), packThrown(context.cause)]);
  });
  mine.set(id as number, forget);
});

handle(OP.canceled, (from, [id, error, cause]) => {
  const key = keyOf(from, id as number);
  const mirror = followed.get(key);
  followed.delete(key);
  mirror?.cancelWith(unpackThrown(error as WireThrown) as HeddleError, unpackThrown(cause as WireThrown));
});

handle(OP.cancelContext, (_from, [id, value, markers]) => {
  const cause = unpack(value, markers as never);
  const context = homedAt(id as number) as CancelableContext;
  context.cancelWith(canceled("the context was cancelled", cause), cause);
});

onThreadGone((thread, why) => {
  for (const forget of following.get(thread)?.values() ?? []) forget();
  following.delete(thread);
  for (const [key, mirror] of followed) {
    if (!key.startsWith(`${thread}/`)) continue;
    followed.delete(key);
    mirror.cancelWith(canceled("the context was lost with its thread", why));
  }
});
