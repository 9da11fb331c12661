/**
 * The loop of a state machine. The order is that of OTP's `gen_statem`:
 *
 *   an event ─▶ the state function ─▶ its answer:
 *     1. new data, replies
 *     2. the event is postponed
 *     3. the state changed: postponed events, oldest first, go before all that wait; the state timeout is cancelled
 *     4. inserted events go before those
 *     5. timeouts are set; one of 0 goes behind the events that wait here, and before messages that were not received yet
 *     6. the enter call, if the state changed
 *   then the next event: of those that wait here, or else the next message
 *
 * Invariants
 * - Each event that waits here costs a turn, like a message: a machine that inserts events for ever starves no other actor, and
 *   can be ended.
 * - An enter call changes neither the state nor the events: it cannot postpone, insert or go on to another state.
 */

import { isDeepStrictEqual } from "node:util";
import { invalid, isRecord } from "../arguments/arguments.ts";
import { Desk, isForDesk, type Inspected } from "../inspect/desk.ts";
import { CallMessage, CastMessage, ControlMessage, failCall, sendReply } from "../messaging/calls.ts";
import { deliverFirst } from "../messaging/urgent.ts";
import type { ActorProcess } from "../process/actor-process.ts";
import { isCrash, reasonOf, type ExitReason } from "../process/exit-reason.ts";
import { ExitMessage } from "../process/exit-signals.ts";
import { crashes } from "../process/process.ts";
import { OwnTimer, TimeoutMessage } from "../time/own-timers.ts";
import { checkedAnswer, movesOnEnter, mustBeState, type StateNames } from "./answers.ts";
import type { StateAnswer, StateEvent, TimeoutMs } from "./events.ts";

export interface MachineCallbacks {
  readonly stateNames: StateNames;
  readonly enterCalls: boolean;
  handle(event: StateEvent, state: unknown, data: unknown): unknown;
  terminate(reason: ExitReason, state: unknown, data: unknown): unknown;
}

/** In the mailbox while events wait here. */
const goOn: unique symbol = Symbol("go on");

type Ending = { readonly stop: ExitReason } | undefined;

export class Machine implements Inspected {
  readonly kind = "genStatem";
  readonly #self: ActorProcess;
  readonly #callbacks: MachineCallbacks;
  readonly #timers: Map<string, OwnTimer> = new Map();
  readonly #names: Map<OwnTimer, StateEvent> = new Map();
  #desk: Desk | undefined;
  #state: unknown;
  #data: unknown;
  /** Events that go before the messages in the mailbox, the next one last. There may be as many as a mailbox holds. */
  readonly #ahead: StateEvent[] = [];
  /** Timeouts of 0: they go behind those, and before the messages. */
  #behind: StateEvent[] = [];
  #postponed: StateEvent[] = [];
  /** `goOn` is in the mailbox. */
  #isGoingOn: boolean = false;

  constructor(self: ActorProcess, callbacks: MachineCallbacks) {
    this.#self = self;
    this.#callbacks = callbacks;
  }

  /** Until its end. */
  async run(first: StateAnswer): Promise<void> {
    this.#state = first.state;
    this.#data = first.data;
    let ending = await this.#guard(async () => {
      this.#plan(first);
      return await this.#enter(this.#state);
    });
    while (ending === undefined) {
      if (this.#hasWaiting() && !this.#isGoingOn) {
        this.#isGoingOn = true;
        deliverFirst(this.#self, goOn);
      }
      const message = await (this.#desk === undefined ? this.#self.receive() : this.#desk.receive());
      ending = await this.#guard(() => this.#take(message));
    }
    await this.#terminate(ending.stop);
  }

  readState(): unknown {
    return { state: this.#state, data: this.#data };
  }

  writeState(replaced: unknown): void {
    if (!isRecord(replaced) || !("state" in replaced) || !("data" in replaced)) {
      throw invalid("what replaces the state of a state machine", "{ state, data }", replaced);
    }
    const { state, data } = replaced;
    mustBeState(state, this.#callbacks.stateNames);
    this.#state = state;
    this.#data = data;
  }

  async #guard(run: () => Promise<Ending> | Ending): Promise<Ending> {
    try {
      return await run();
    } catch (error) {
      if (this.#self.status === "dead") throw error;
      if (isCrash(error)) crashes.report(this.#self, error);
      return { stop: reasonOf(error) };
    }
  }

  #take(message: unknown): Promise<Ending> | Ending {
    if (message instanceof ControlMessage) return this.#obey(message);
    if (message instanceof ExitMessage && message.from !== undefined && message.from === this.#self.extra?.parent) {
      return { stop: message.reason };
    }
    if (message === goOn) this.#isGoingOn = false;
    const event = message === goOn ? (this.#ahead.pop() ?? this.#behind.shift()) : this.#eventOf(message);
    if (event === undefined) return undefined;
    this.#forget(event);
    return this.#handle(event);
  }

  #obey(message: ControlMessage): Ending {
    const { request } = message;
    if (request.op === "stop") return { stop: (request as unknown as { reason: ExitReason }).reason };
    if (isForDesk(message)) (this.#desk ??= new Desk(this.#self, this)).serve(message);
    else failCall(message.from, "not_a_supervisor");
    return undefined;
  }

  /** Undefined: a timeout that does not count any more. */
  #eventOf(message: unknown): StateEvent | undefined {
    if (message instanceof CallMessage) return { type: "call", from: message.from, request: message.request };
    if (message instanceof CastMessage) return { type: "cast", message: message.message };
    if (message instanceof TimeoutMessage) return message.timer && this.#names.get(message.timer);
    return { type: "info", message };
  }

  async #handle(event: StateEvent): Promise<Ending> {
    this.#desk?.note("in", event);
    this.#cancel("event");
    const answer = await this.#ask(event);
    this.#settle(event, answer);
    if ("stop" in answer) return { stop: answer.stop! };
    if (answer.postpone === true) this.#postponed.push({ ...event });
    const before = this.#state;
    const changes = "state" in answer && !isSame(before, answer.state);
    if (changes) {
      this.#state = answer.state;
      this.#putAhead(this.#postponed);
      this.#postponed = [];
      this.#cancel("state");
    }
    this.#plan(answer);
    this.#desk?.noteState();
    return changes || answer.reenter === true ? await this.#enter(before) : undefined;
  }

  async #ask(event: StateEvent): Promise<StateAnswer> {
    const answer = await this.#callbacks.handle(event, this.#state, this.#data);
    // It was killed, or got an exit signal, meanwhile. Nothing more of it runs.
    if (this.#self.status === "dead") throw this.#self.exited();
    return checkedAnswer(answer, event, this.#callbacks.stateNames);
  }

  /** New data and replies. */
  #settle(event: StateEvent, answer: StateAnswer): void {
    if ("data" in answer) this.#data = answer.data;
    if ("reply" in answer && event.type === "call") {
      sendReply(event.from, answer.reply);
      this.#desk?.note("reply", answer.reply);
    }
    for (const [from, reply] of answer.replies ?? []) sendReply(from, reply);
  }

  /** Inserted events and timeouts. */
  #plan(answer: StateAnswer): void {
    if (answer.events !== undefined) {
      this.#putAhead(answer.events.map((message): StateEvent => ({ type: "internal", message })));
    }
    const { stateTimeoutMs, eventTimeoutMs, timeouts } = answer;
    if (stateTimeoutMs !== undefined) this.#setTimer("state", { type: "stateTimeout" }, stateTimeoutMs);
    for (const [name, ms] of Object.entries(timeouts ?? {})) this.#setTimer(`/${name}`, { type: "timeout", name }, ms);
    if (eventTimeoutMs === undefined) return;
    // Whatever waits here is an event that cancels it.
    if (!this.#hasWaiting()) this.#setTimer("event", { type: "eventTimeout" }, eventTimeoutMs);
  }

  #setTimer(key: string, event: StateEvent, ms: TimeoutMs): void {
    this.#cancel(key);
    if (ms === "cancel" || ms === Infinity) return;
    let timer = this.#timers.get(key);
    if (timer === undefined) {
      this.#timers.set(key, (timer = new OwnTimer(this.#self)));
      this.#names.set(timer, event);
    }
    if (ms > 0) timer.start(ms);
    else this.#behind.push(this.#names.get(timer)!);
  }

  #hasWaiting(): boolean {
    return this.#ahead.length > 0 || this.#behind.length > 0;
  }

  /** Before all that wait, in their order. */
  #putAhead(events: readonly StateEvent[]): void {
    for (let index = events.length - 1; index >= 0; index--) this.#ahead.push(events[index]!);
  }

  /** Also one of 0 that was not handled yet. */
  #cancel(key: string): void {
    const timer = this.#timers.get(key);
    if (timer === undefined) return;
    timer.clear();
    const event = this.#names.get(timer);
    if (this.#behind.includes(event!)) this.#behind = this.#behind.filter((waiting) => waiting !== event);
    // A machine may use any number of names in its life.
    if (event!.type !== "timeout") return;
    this.#timers.delete(key);
    this.#names.delete(timer);
  }

  /** The event of a named timeout is handled now. One that was postponed is a copy: its timer may have been set again. */
  #forget(event: StateEvent): void {
    if (event.type !== "timeout") return;
    const key = `/${event.name}`;
    const timer = this.#timers.get(key);
    if (timer !== undefined && this.#names.get(timer) === event) this.#cancel(key);
  }

  async #enter(from: unknown): Promise<Ending> {
    let before = from;
    while (this.#callbacks.enterCalls) {
      const event: StateEvent = { type: "enter", from: before };
      const answer = await this.#ask(event);
      if ("state" in answer && !isSame(this.#state, answer.state)) throw movesOnEnter(answer);
      this.#settle(event, answer);
      if ("stop" in answer) return { stop: answer.stop! };
      this.#plan(answer);
      if (answer.reenter !== true) break;
      before = this.#state;
    }
    return undefined;
  }

  async #terminate(stop: ExitReason): Promise<void> {
    try {
      await this.#callbacks.terminate(stop, this.#state, this.#data);
    } catch (error) {
      if (this.#self.status !== "dead" && isCrash(error)) crashes.report(this.#self, error);
      this.#self.die(reasonOf(error), "returned");
    }
    this.#self.die(stop, "returned");
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === "object" && isDeepStrictEqual(a, b));
}
