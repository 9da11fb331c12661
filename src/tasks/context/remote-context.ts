/**
 * Contexts on other threads. A stand-in has the values and the deadline from the beginning, and it is cancelled from the
 * beginning if the context was. The context's home tells it when the context is cancelled later. Cancelling a stand-in
 * cancels the context itself.
 *
 * Only a context that can be cancelled has a home. A context that only adds values is sent as its values and the context below
 * them: a program may make one for each request, and home would have to remember each.
 */

import { HeddleError, messageOf } from "../../errors/errors.ts";
import { pack, type Packed, unpack } from "../../runtime/copy/message-packing.ts";
import { canceled } from "./canceled.ts";
import { CancelableContext, Context } from "./context.ts";
import { type ContextKey, keyFromWire, keyToWire, show } from "./context-key.ts";
import { type Cancellation, packCancellation, unpackCancellation, type WireCancellation } from "./cancellation.ts";
import { homedAt, hasNoHome, registerHomed, type StandIn } from "../homed-objects.ts";
import { handle, onThreadGone, OP, tell } from "../task-service.ts";
import { packThrown, unpackThrown, type WireThrown } from "../wire-thrown.ts";

interface Facts {
  readonly values: Packed;
  /** Set for a context that can be cancelled itself. */
  readonly deadline: number | undefined;
  /** Set if it has a cause for the end by its deadline. */
  readonly deadlineCause: WireThrown | undefined;
  /** The cancellable context that the values are added to. undefined: there is none, or this context is it. */
  readonly canceler: Packed | undefined;
  /** Set if it was cancelled. */
  readonly cancellation: WireCancellation | undefined;
}

class RemoteContext extends CancelableContext {
  readonly #reference: StandIn;

  constructor(reference: StandIn, parent: Context, { deadline, deadlineCause, cancellation }: Facts) {
    super(parent, deadline, deadlineCause === undefined ? undefined : unpackThrown(deadlineCause));
    this.#reference = reference;
    if (cancellation !== undefined) {
      const { error, cause } = unpackCancellation(cancellation);
      this.cancelWith(error, cause);
      return;
    }
    followed.set(keyOf(reference.home, reference.id), this);
    tell(reference.home, [OP.follow, reference.id]);
  }

  override cancel(cause?: unknown): void {
    super.cancel(cause);
    tell(this.#reference.home, [OP.cancelContext, this.#reference.id, packThrown(cause)]);
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
  facts: factsOf,
  // The values contain references, which are sent anew each time. And it may have been cancelled.
  factsOfStandIn: factsOf,
  learn: (context, facts) => {
    const { values, cancellation } = facts as Facts;
    // Its references are not needed here, and go back home.
    meant(values);
    if (cancellation === undefined || !(context instanceof RemoteContext)) return;
    const { error, cause } = unpackCancellation(cancellation);
    context.cancelWith(error, cause);
  },
  standIn: (reference, facts) => {
    const { values, canceler } = facts as Facts;
    let context = canceler === undefined ? Context.background() : (meant(canceler) as Context);
    for (const [key, value] of meant(values) as [unknown, unknown][]) {
      context = context.withValue(keyFromWire(key) as ContextKey<unknown>, value);
    }
    return hasNoHome(reference) ? context : new RemoteContext(reference, context, facts as Facts);
  },
});

function factsOf(context: Context): Facts {
  const isCancelable = !isNotCancelable(context);
  const canceler = isCancelable ? undefined : context.canceler();
  return {
    values: packValues(context.values()),
    deadline: context.deadline,
    deadlineCause: causeOf(context),
    canceler: canceler && pack(canceler),
    cancellation: isCancelable && context.error !== undefined ? packCancellation(context as Cancellation) : undefined,
  };
}

function causeOf(context: Context): WireThrown | undefined {
  const cause = context instanceof CancelableContext ? context.deadlineCause : undefined;
  return cause === undefined ? undefined : packThrown(cause);
}

function packValues(values: readonly (readonly [key: unknown, value: unknown])[]): Packed {
  try {
    return pack(values.map(([key, value]) => [keyToWire(key), value]));
  } catch (error) {
    throw refusalOf(values) ?? error;
  }
}

/** Says which value can't be copied. */
function refusalOf(values: readonly (readonly [key: unknown, value: unknown])[]): HeddleError | undefined {
  for (const [key, value] of values) {
    try {
      pack(value);
    } catch (cause) {
      const what = `the value of the key ${show(key)} in a context`;
      return new HeddleError("NOT_CLONEABLE", `${what} cannot be sent to another thread: ${messageOf(cause)}`, {
        cause,
      });
    }
  }
  return undefined;
}

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
    tell(from, [OP.canceled, id, packCancellation(context as Cancellation)]);
  });
  mine.set(id as number, forget);
});

handle(OP.canceled, (from, [id, wire]) => {
  const key = keyOf(from, id as number);
  const mirror = followed.get(key);
  followed.delete(key);
  const { error, cause } = unpackCancellation(wire as WireCancellation);
  mirror?.cancelWith(error, cause);
});

handle(OP.cancelContext, (_from, [id, wire]) => {
  const cause = unpackThrown(wire as WireThrown);
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
