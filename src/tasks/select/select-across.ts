/**
 * The select whose channels live on several threads.
 *
 *   1. Choose: the first case in random order that is ready is executed. So among ready cases the choice is uniform, whichever
 *      thread they are on, and however many others are idle. If several other threads are concerned, they are all asked first
 *      which cases are ready.
 *   2. Wait: nothing was ready. All cases wait where they are, with a claim in shared memory (claims.ts). A thread takes the
 *      claim before it executes a case, so no other thread can.
 *   3. The executed case is reported here, and the others are withdrawn.
 *
 * A timeout takes the claim too. If it comes too late, the executed case counts.
 *
 * A select that must not wait (`otherwise`) waits too, until every thread has confirmed that its cases wait, and then takes the
 * claim. From its confirmation on, a thread would execute a case as soon as it is ready. So if the claim is still open after
 * the last confirmation, no case was ready at that instant. Asking one thread after the other can't show this: each case may
 * be ready except at the moment when its thread is asked.
 */

import { HeddleError } from "../../errors/errors.ts";
import { LongTimer } from "../../kit/long-timer.ts";
import { programMs } from "../../kit/program-time.ts";
import { pack } from "../../runtime/copy/message-packing.ts";
import type { Received } from "../channel/channel-core.ts";
import type { Claim } from "./claims.ts";
import { closeClaim, introduceClaims, openClaim } from "./claim-table.ts";
import { lossOf, lostError } from "../homed-objects.ts";
import type { LocalChannel } from "../channel/local-channel.ts";
import { RemoteChannel } from "../channel/remote-channel.ts";
import { ask, closeRequest, NOTHING_READY, openRequest } from "../remote-requests.ts";
import { type AnyCase, type Happened, shuffle } from "./select-case.ts";
import { attemptHere, waitHere } from "./select-here.ts";
import { isReady } from "./readiness.ts";
import type { WireCase } from "./select-home.ts";
import { Selection } from "./selection.ts";
import { connected, OP, tell } from "../task-service.ts";
import { parkWith, type Waiter } from "../waiter.ts";

/** The cases of one thread. */
interface Group {
  readonly home: number;
  readonly cases: readonly AnyCase[];
}

export async function selectAcross(cases: readonly AnyCase[], patienceMs: number): Promise<Happened | undefined> {
  const untilMs = programMs() + patienceMs;
  for (const { core } of cases) {
    const loss = core instanceof RemoteChannel ? lossOf(core.reference, "channel") : undefined;
    if (loss !== undefined) throw loss;
  }
  const order = shuffle(cases);
  const ready = await executeReady(order, cases);
  if (ready !== undefined) return ready;
  const where = groups(order);
  // One thread has judged all cases at one instant.
  if (patienceMs <= 0 && where.length === 1) return undefined;
  return wait(where, cases, patienceMs <= 0 ? undefined : untilMs);
}

/** Executes the first case in this order that is ready. */
async function executeReady(order: readonly AnyCase[], all: readonly AnyCase[]): Promise<Happened | undefined> {
  const first = order.findIndex((each) => !isFar(each) && isReady(each.core as LocalChannel<unknown>, each.direction));
  const far = (first === -1 ? order : order.slice(0, first)).filter(isFar);
  const where = groups(far);
  const ready = where.length > 1 ? await look(where, all) : undefined;
  const asked = ready === undefined ? where : far.filter((each) => ready.has(each)).flatMap((each) => groups([each]));
  for (const group of asked) {
    const executed = await poll(group, all);
    if (executed !== undefined) return executed;
  }
  return attemptHere(order.filter((each) => !isFar(each)));
}

function isFar({ core }: AnyCase): boolean {
  return core instanceof RemoteChannel;
}

/** In the order of the cases. */
function groups(cases: readonly AnyCase[]): Group[] {
  const byHome = new Map<number, AnyCase[]>();
  for (const each of cases) {
    const home = each.core instanceof RemoteChannel ? each.core.reference.home : connected().self;
    const group = byHome.get(home) ?? [];
    byHome.set(home, group);
    group.push(each);
  }
  return [...byHome].map(([home, group]) => ({ home, cases: group }));
}

/** Asks the threads, all at once, which of their cases are ready. */
async function look(where: readonly Group[], all: readonly AnyCase[]): Promise<ReadonlySet<AnyCase>> {
  const answers = where.map(({ home, cases }) => {
    const wire = cases.map((each) => [all.indexOf(each), idOf(each), each.direction]);
    return ask({
      thread: home,
      what: "channel",
      where: "select",
      tell: (id) => tell(home, [OP.look, id, ...wire]),
      result: (_index, value) => value as number[],
    });
  });
  return new Set((await Promise.all(answers)).flat().map((index) => all[index]!));
}

/** Executes one of the thread's cases that are ready. */
async function poll(group: Group, all: readonly AnyCase[]): Promise<Happened | undefined> {
  const wire = group.cases.map((each) => toWire(each, all));
  return await ask({
    thread: group.home,
    what: "channel",
    where: "select",
    tell: (id) => tell(group.home, [OP.poll, id, ...wire]),
    result: (index, value) => (index === NOTHING_READY ? undefined : happened(all[index]!, value)),
  });
}

/** Lets all cases wait where they are, until one has happened. `untilMs`: undefined for a select that must not wait. */
function wait(
  where: readonly Group[],
  all: readonly AnyCase[],
  untilMs: number | undefined,
): Promise<Happened | undefined> {
  const claim = openClaim();
  if (claim === undefined) return Promise.reject(new HeddleError("SELECT_LIMIT", "too many selects wait at once."));
  return parkWith<Happened | undefined>("select", (parked) => new Pending(claim, parked, all).begin(where, untilMs));
}

class Pending {
  readonly #claim: Claim;
  readonly #parked: Waiter;
  readonly #all: readonly AnyCase[];
  readonly #selection: Selection;
  readonly #here: Waiter[] = [];
  readonly #requests = new Map<number, number>();
  #timer: LongTimer | undefined;
  /** Threads that have not confirmed that their cases wait. Only for a select that must not wait. */
  #unconfirmed = 0;
  #isOver = false;

  constructor(claim: Claim, parked: Waiter, all: readonly AnyCase[]) {
    this.#claim = claim;
    this.#parked = parked;
    this.#all = all;
    this.#selection = new Selection(claim);
  }

  begin(groups: readonly Group[], untilMs: number | undefined): void {
    try {
      // Find out what can't be copied before any case waits.
      const wires = groups.map((group) => (group.home === connected().self ? [] : this.#wire(group)));
      if (untilMs === undefined) this.#unconfirmed = groups.filter(({ home }) => home !== connected().self).length;
      for (const [index, group] of groups.entries()) {
        if (group.home === connected().self) this.#waitHere(group);
        else this.#offer(group, wires[index]!, untilMs === undefined);
        if (this.#isOver) return;
      }
      if (untilMs !== undefined) this.#timer = new LongTimer(() => this.#late(), untilMs - programMs());
    } catch (error) {
      // If the failing case is one of this thread, it has won already.
      if (this.#selection.over || this.#selection.win()) this.#end(() => this.#parked.fail(error));
    }
  }

  #wire(group: Group): WireCase[] {
    return group.cases.map((each) => toWire(each, this.#all));
  }

  #waitHere(group: Group): void {
    // A value may have come while the other threads were asked.
    const ready = this.#attempt(group);
    if (ready !== undefined) return this.#end(() => this.#parked.wake(ready));
    for (const each of group.cases) {
      this.#here.push(
        waitHere(each, this.#selection, (received, error) =>
          this.#end(() => {
            if (error !== undefined) this.#parked.fail(error);
            else
              this.#parked.wake({
                case: each,
                received: received ?? { value: undefined, ok: true },
              } satisfies Happened);
          }),
        ),
      );
    }
  }

  #attempt(group: Group): Happened | undefined {
    for (const each of group.cases) {
      const channel = each.core as LocalChannel<unknown>;
      if (each.direction === "receive") {
        const outcome = channel.attemptReceive(this.#selection);
        if (outcome === "done") return { case: each, received: channel.taken };
        if (outcome === "lost") return undefined;
      } else if (channel.attemptSend(each.value, this.#selection) === "done") {
        return { case: each, received: { value: undefined, ok: true } };
      }
    }
    return undefined;
  }

  #offer({ home }: Group, wire: readonly WireCase[], confirms: boolean): void {
    const id = openRequest(home, "channel", {
      answered: (index, value) => this.#end(() => this.#parked.wake(happened(this.#all[index]!, value))),
      refused: (error) => this.#refused(home, error),
      waits: () => {
        if (--this.#unconfirmed === 0) this.#late();
      },
    });
    this.#requests.set(home, id);
    introduceClaims(home);
    if (!tell(home, [OP.offer, id, this.#claim.address, confirms, ...wire])) {
      this.#refused(home, lostError("channel", home, undefined));
    }
  }

  /** Home executed a case that failed, or could not handle the cases, or has ended, perhaps before it could report. */
  #refused(home: number, error: unknown): void {
    this.#requests.delete(home);
    const isDecided = this.#claim.take() === "lost";
    // A case of another thread has happened: its answer is on its way.
    if (isDecided && this.#claim.taker !== home && this.#requests.size + this.#here.length > 0) return;
    this.#end(() => this.#parked.fail(error));
  }

  #late(): void {
    if (this.#selection.win()) this.#end(() => this.#parked.wake(undefined));
  }

  #end(tellCaller: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.clear();
    for (const waiter of this.#here) waiter.queue?.remove(waiter);
    for (const [home, id] of this.#requests) {
      closeRequest(id);
      tell(home, [OP.withdraw, id]);
    }
    closeClaim(this.#claim);
    tellCaller();
  }
}

function idOf(each: AnyCase): number {
  return (each.core as RemoteChannel<unknown>).reference.id;
}

function toWire(each: AnyCase, all: readonly AnyCase[]): WireCase {
  const id = idOf(each);
  const index = all.indexOf(each);
  if (each.direction === "receive") return [index, id, "receive"];
  const { value, markers } = pack(each.value);
  return [index, id, "send", value, markers];
}

/** A receive's answer is [value, ok]; a send's has no value. */
function happened(each: AnyCase, answer: unknown): Happened {
  const [value, ok] = each.direction === "receive" ? (answer as [unknown, boolean]) : [undefined, true];
  return { case: each, received: { value, ok } as Received<unknown> };
}
