/** The select whose channels live on several threads: see select.ts. */

import { HeddleError } from "../../errors/errors.ts";
import { LongTimer } from "../../kit/long-timer.ts";
import { pack } from "../../runtime/copy/message-packing.ts";
import type { Received } from "../channel/channel-core.ts";
import type { Claim } from "./claims.ts";
import { closeClaim, introduceClaims, openClaim } from "./claim-table.ts";
import { lossOf, lostError } from "../homed-objects.ts";
import type { LocalChannel } from "../channel/local-channel.ts";
import { RemoteChannel } from "../channel/remote-channel.ts";
import type { WireCase } from "../channel/channel-home.ts";
import { ask, closeRequest, NOTHING_READY, openRequest } from "../remote-requests.ts";
import { type AnyCase, type Happened, shuffle } from "./select-case.ts";
import { attemptHere, waitHere } from "./select-here.ts";
import { Selection } from "./selection.ts";
import { connected, OP, tell } from "../task-service.ts";
import { parkWith, type Waiter } from "../waiter.ts";

/** The cases of one thread, in random order. */
interface Group {
  readonly home: number;
  readonly cases: readonly AnyCase[];
}

export async function selectAcross(cases: readonly AnyCase[], patienceMs: number): Promise<Happened | undefined> {
  const untilMs = performance.now() + patienceMs;
  for (const { core } of cases) {
    const loss = core instanceof RemoteChannel ? lossOf(core.reference, "channel") : undefined;
    if (loss !== undefined) throw loss;
  }
  for (const group of groups(cases)) {
    const ready = await poll(group, cases);
    if (ready !== undefined) return ready;
  }
  return patienceMs <= 0 ? undefined : wait(groups(cases), cases, untilMs);
}

function groups(cases: readonly AnyCase[]): Group[] {
  const byHome = new Map<number, AnyCase[]>();
  for (const each of shuffle(cases)) {
    const home = each.core instanceof RemoteChannel ? each.core.reference.home : connected().self;
    const group = byHome.get(home) ?? [];
    byHome.set(home, group);
    group.push(each);
  }
  return [...byHome].map(([home, group]) => ({ home, cases: group }));
}

/** Executes one of the thread's cases that are ready. */
async function poll(group: Group, all: readonly AnyCase[]): Promise<Happened | undefined> {
  if (group.home === connected().self) return attemptHere(group.cases);
  const wire = group.cases.map((each) => toWire(each, all));
  return await ask({
    thread: group.home,
    what: "channel",
    where: "select",
    tell: (id) => tell(group.home, [OP.poll, id, ...wire]),
    result: (index, value) => (index === NOTHING_READY ? undefined : happened(all[index]!, value)),
  });
}

/** Lets all cases wait where they are, until one has happened. */
function wait(where: readonly Group[], all: readonly AnyCase[], untilMs: number): Promise<Happened | undefined> {
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
  #isOver = false;

  constructor(claim: Claim, parked: Waiter, all: readonly AnyCase[]) {
    this.#claim = claim;
    this.#parked = parked;
    this.#all = all;
    this.#selection = new Selection(claim);
  }

  begin(groups: readonly Group[], untilMs: number): void {
    try {
      // Find out what can't be copied before any case waits.
      const wires = groups.map((group) => (group.home === connected().self ? [] : this.#wire(group)));
      for (const [index, group] of groups.entries()) {
        if (group.home === connected().self) this.#waitHere(group);
        else this.#offer(group, wires[index]!);
        if (this.#isOver) return;
      }
      this.#timer = new LongTimer(() => this.#late(), untilMs - performance.now());
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

  #offer({ home }: Group, wire: readonly WireCase[]): void {
    const id = openRequest(home, "channel", {
      answered: (index, value) => this.#end(() => this.#parked.wake(happened(this.#all[index]!, value))),
      refused: (error) => this.#refused(home, error),
    });
    this.#requests.set(home, id);
    introduceClaims(home);
    if (!tell(home, [OP.offer, id, this.#claim.address, ...wire])) {
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

function toWire(each: AnyCase, all: readonly AnyCase[]): WireCase {
  const { id } = (each.core as RemoteChannel<unknown>).reference;
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
