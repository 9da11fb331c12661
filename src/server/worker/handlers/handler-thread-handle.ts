/** A handler thread, the acceptor's side. The thread's own side is `handler-thread-main.ts`. */

import { MessageChannel } from "node:worker_threads";
import { fromWire, type HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import type { Driver, Member } from "../../../supervise/member.ts";
import type { Knock } from "../../../runtime/door.ts";
import type { Seat } from "../../../supervise/slot-table.ts";
import { SupervisedThread } from "../../../supervise/supervised-thread.ts";
import type { FromCopy, ToCopy } from "../../app/listen/app-sockets.ts";
import { Ring, TASK_CELLS } from "../../models/offload/shared/job-ring.ts";
import type { LinkEnd } from "../../models/offload/shared/offload-protocol.ts";
import { ResponseRing, TASK_RING_BYTES } from "../../models/offload/shared/response-ring.ts";
import { WatchedUnits } from "../report/watched-units.ts";
import type { DrainReason } from "../serving/serving-protocol.ts";
import type { FromHandlerThread, HandlerBoot, ToHandlerThread } from "./handler-protocol.ts";

export interface HandlerEvents {
  ready: [modules: readonly string[]];
  "join-runtime": [knock: Knock];
  tainted: [error: HeddleError];
  used: [];
  log: [message: FromHandlerThread & { type: "log" }];
  /** About a socket of the app. */
  "app-socket": [message: FromCopy];
  /** Always the last event. `error`: why it ended, if it was not asked to. */
  gone: [error: HeddleError | undefined];
}

export class HandlerThreadHandle extends SupervisedThread<FromHandlerThread, ToHandlerThread, HandlerEvents> {
  /** Unique in its pool. Logs and status show it. */
  readonly id: number;
  /** Its place on the pool's board. Later threads reuse the place. */
  readonly seat: Seat;
  readonly #isForTasks: boolean;
  readonly units: WatchedUnits = new WatchedUnits((asked) => this.post(asked));
  /** monotonicMs() when it was last known to have work. */
  usedMs: number = monotonicMs();

  /** @throws HeddleError HANDLER_DIED: the system refuses it */
  constructor(member: Member<Driver, HeddleError>, boot: Omit<HandlerBoot, "port">) {
    super(member, {
      name: `handler thread ${boot.id} of ${boot.pool.name}`,
      code: "HANDLER_DIED",
      entry: new URL(import.meta.url.replace(/handler-thread-handle(\.[jt]s)$/, "handler-thread-main$1")),
      argv: [boot.config.app, ...boot.config.appArgs],
      boot,
      heapBytes: boot.config.handlerMemoryBytes,
    });
    this.id = boot.id;
    this.seat = boot.seat;
    this.#isForTasks = boot.pool.model === "tasks";
  }

  /** Makes a new link to it. Returns the serving thread's end. */
  link(): LinkEnd {
    const { port1, port2 } = new MessageChannel();
    const shared = this.#isForTasks
      ? { ring: Ring.create(TASK_CELLS), answers: ResponseRing.create(TASK_RING_BYTES), seat: this.seat }
      : { ring: Ring.create(), answers: ResponseRing.create(), seat: this.seat };
    this.post({ type: "link", link: { ...shared, port: port2 } }, [port2]);
    return { ...shared, port: port1 };
  }

  /** Its worker drains: runs the app's `onDrain` once, which delays a `stop` until `cutMs` at most. It goes on working. */
  tellDrain(reason: DrainReason, cutMs: number): void {
    if (this.isReady) this.post({ type: "drain", reason, cutMs });
  }

  /**
   * `stop` and `idle`: it ends. `replace`: it finishes its jobs, then the pool stops it. `used`: it has had its one request and
   * ends by itself.
   */
  drain(reason: string): void {
    const isEnding = this.member.drainReason === "used";
    if ((reason === "stop" || reason === "idle") && !isEnding) this.stop();
  }

  /** Runs the app's `onStop` and ends. */
  stop(): void {
    this.post({ type: "stop" });
  }

  /** It becomes a scheduler thread of the runtime. */
  joinRuntime(): void {
    if (!this.member.isGone) this.post({ type: "join-runtime" });
  }

  answer(message: ToCopy): void {
    if (!this.member.isGone) this.post(message);
  }

  protected received(message: FromHandlerThread): void {
    switch (message.type) {
      case "ready":
        this.emit("ready", message.modules);
        break;
      case "boot-failed":
        this.failed(fromWire(message.error));
        break;
      case "join-runtime":
        this.emit("join-runtime", message.knock);
        break;
      case "used":
        this.emit("used");
        break;
      case "tainted":
        this.emit("tainted", fromWire(message.error));
        break;
      case "log":
        this.emit("log", message);
        break;
      case "units-row":
      case "units-answer":
        this.units.told(message);
        break;
      case "want-socket":
      case "give-up-socket":
        this.emit("app-socket", message);
        break;
    }
  }

  protected ended(error: HeddleError | undefined): void {
    this.units.close();
    this.emit("gone", error);
  }
}
