/**
 * The app's supervision trees: the supervisors that it has started by the end of its `onStart`, on a thread of the server that loads it
 * (serving and handler threads), and that no other actor has started. To the server such a tree is what a permanent application is to OTP: if it ends by itself, this copy
 * of the app ends.
 *
 *   onStart ─▶ guarded ─▶ it ends by itself ─▶ this copy of the app is drained and replaced, after a rest if that goes on
 *                      └▶ the drain is over ─▶ onStop, then trees are stopped, the latest first, each in OTP's order
 *
 * Invariants
 * - A tree that the app stops itself (`stop(tree)`: the reason is `normal`) is no failure.
 * - Reports of actors go to the server's log, unless the app has set a reporter of its own.
 * - An app that does not use actors pays nothing: the library is not loaded.
 */

import type { CrashReport } from "../../../actors/process/crash-report.ts";
import type { ActorProcess } from "../../../actors/process/actor-process.ts";
import type { SupervisorReport } from "../../../actors/inspect/supervisor-reports.ts";
import type { ExitReason } from "../../../actors/index.ts";
import { HeddleError, messageOf, toWire } from "../../../errors/errors.ts";
import { isMade } from "../../../kit/per-thread.ts";

/** To the log. */
type Tell = (message: {
  readonly type: "log";
  readonly level: "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}) => void;

export class ActorTrees {
  readonly #tell: Tell;
  /** In the order of their starts. */
  readonly #trees = new Set<ActorProcess>();
  /** The last report of each supervisor that gave up, as text. */
  readonly #whyGivenUp = new WeakMap<object, string>();
  #library: typeof import("../../../actors/inspect/tree-library.ts") | undefined;
  #isStopping = false;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** Guards what the app has started so far. Before `onStart`, and after it. */
  async guard(): Promise<void> {
    // It is there as soon as the app has imported the library, or some route's model has.
    if (!isMade("actors")) return;
    const isFirst = this.#library === undefined;
    this.#library ??= await import("../../../actors/inspect/tree-library.ts");
    const { processes, defaultReporters, rootSupervisors, isRoot } = this.#library;
    if (isFirst) {
      defaultReporters.crash = (report) => this.#crashed(report);
      defaultReporters.supervisor = (report) => this.#reported(report);
      rootSupervisors.started = (supervisor) => this.#trees.add(supervisor);
    }
    for (const process of processes) if (isRoot(process)) this.#trees.add(process as ActorProcess);
  }

  /**
   * The copy is about to be ready: from now on it ends with any of them. `fail` is called once.
   *
   * @throws SUPERVISION_FAILED: one has ended already
   */
  async watch(fail: (error: HeddleError) => void): Promise<void> {
    await this.guard();
    if (this.#library === undefined) return;
    const { rootSupervisors, spawn, isDown, pathOf, pathText, rareFieldsOf } = this.#library;
    // What starts later belongs to some request.
    rootSupervisors.started = () => {};
    const trees = [...this.#trees];
    if (trees.length === 0) return;
    for (const tree of trees) if (tree.status === "dead") throw this.#failed(tree, tree.toString(), "noproc");
    await spawn(async (self) => {
      rareFieldsOf(self as unknown as ActorProcess).label = "heddle's guard of the trees";
      const paths = new Map(trees.map((tree) => [self.monitor(tree), [tree, pathText(pathOf(tree))] as const]));
      for (;;) {
        const down: unknown = await self.receive();
        if (!isDown(down)) continue;
        const [tree, path] = paths.get(down.ref)!;
        this.#trees.delete(tree);
        if (this.#isStopping || down.reason === "normal") continue;
        fail(this.#failed(tree, path, down.reason));
        return;
      }
    });
  }

  /** Stops them as OTP stops applications. Never rejects. May take as long as their children take. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#library === undefined) return;
    const { stop, isHosted } = this.#library;
    const { true: requests = [], false: trees = [] } = Object.groupBy(this.#trees, (tree) => `${isHosted(tree)}`);
    // What is left of requests may need the trees.
    for (const tree of [...requests, ...trees.toReversed()]) {
      try {
        if (tree.status !== "dead") await stop(tree, "shutdown");
      } catch (error) {
        const message = `the app's supervision tree ${tree.toString()} has not stopped as it should: ${messageOf(error)}`;
        this.#log("error", { err: toWire(error) }, message);
      }
    }
  }

  #crashed({ pid, label, path, error }: CrashReport): void {
    const where = path?.join("/") ?? label;
    const who = `actor ${pid.toString()}${where === undefined ? "" : ` (${where})`}`;
    const fields = { actor: pid.toString(), path: where, err: toWire(error) };
    this.#log("error", fields, `${who} crashed: ${messageOf(error)}`);
  }

  #reported(report: SupervisorReport): void {
    const { type, supervisor, path, child, reason, restarts, intensity, periodMs } = report;
    const { reportText, reasonText } = this.#library!;
    const text = reportText(report);
    if (type === "gave_up") this.#whyGivenUp.set(supervisor, text);
    const fields = {
      report: type,
      supervisor: supervisor.toString(),
      path: path.join("/"),
      actor: child?.toString(),
      reason: reasonText(reason),
      restarts,
      ...(type === "gave_up" ? { intensity, periodMs } : {}),
    };
    this.#log(LEVELS[type], fields, text);
  }

  #failed(tree: ActorProcess, path: string, reason: ExitReason): HeddleError {
    const why = this.#whyGivenUp.get(tree) ?? `the reason is ${this.#library!.reasonText(reason)}`;
    const pid = tree.toString();
    const message = `the app's supervision tree ${path === pid ? pid : `${path} ${pid}`} has ended: ${why}`;
    return new HeddleError("SUPERVISION_FAILED", message, reason instanceof Error ? { cause: reason } : {});
  }

  #log(level: "info" | "warn" | "error", fields: object, message: string): void {
    this.#tell({ type: "log", level, fields, message });
  }
}

const LEVELS = {
  child_ended: "warn",
  child_restarted: "info",
  start_failed: "error",
  stop_failed: "warn",
  gave_up: "error",
} as const satisfies Readonly<Record<SupervisorReport["type"], "info" | "warn" | "error">>;
