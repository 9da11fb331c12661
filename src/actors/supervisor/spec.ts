/**
 * The specification of a supervisor: its strategy, its restart intensity, and its children. All of it can be sent in
 * messages.
 */

import { isRecord, show } from "../arguments/arguments.ts";
import { checkSpawn } from "../arguments/spawn-arguments.ts";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { Actor, type Spawnable } from "../process/actor.ts";
import type { ignore } from "../gen-server.ts";
import type { Pid } from "../process/pid.ts";
import type { SpawnOptions } from "../process/spawn.ts";

export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";
export type Restart = "permanent" | "transient" | "temporary";
export type AutoShutdown = "never" | "any_significant" | "all_significant";

/** How long a child may take to stop, in milliseconds. `infinity` (or `Infinity`): for ever. `brutal_kill`: it is not asked. */
export type Shutdown = number | "infinity" | "brutal_kill";

type Startable = Actor<any, any> | Spawnable<any, any> | ((self: any, ...args: any[]) => unknown);

/** What is spawned: an actor (or function) and its arguments. The supervisor sets the link. */
export type Start =
  | readonly [what: Startable, args?: readonly unknown[], options?: Omit<SpawnOptions, "link" | "monitor">]
  /**
   * A function that spawns the child itself, linked to the supervisor, and resolves to its pid, or to `ignore`. Stays on this
   * thread.
   */
  | ((supervisor: Pid) => Promise<Pid<never> | typeof ignore>);

export interface ChildSpec {
  /** Names the child in its supervisor. */
  readonly id: string | number;
  readonly start: Start;
  /**
   * `permanent` (default): always restarted. `transient`: unless it exits with `normal`, `shutdown` or `{ shutdown }`.
   * `temporary`: never; its specification is removed too.
   */
  readonly restart?: Restart;
  /** Default: 5000 for a worker, `infinity` for a supervisor. */
  readonly shutdown?: Shutdown;
  /** Whether its exit may end the supervisor (`autoShutdown`). Default false. */
  readonly significant?: boolean;
  /** Default `worker`. */
  readonly type?: "worker" | "supervisor";
}

export interface SupervisorOptions {
  /**
   * Which children are restarted when one exits: only it (`one_for_one`, the default), all (`one_for_all`), or it and those
   * started after it (`rest_for_one`).
   */
  readonly strategy?: Strategy;
  /** The most restarts within `periodMs`. One more ends the supervisor and all its children. Default 1. */
  readonly intensity?: number;
  /** Default 5000. `Infinity`: restarts are counted for ever. */
  readonly periodMs?: number;
  /** Whether exits of significant children end the supervisor: of the first one, or of all of them. Default `never`. */
  readonly autoShutdown?: AutoShutdown;
  readonly children?: readonly ChildSpec[];
}

/** A specification with all defaults filled in. */
export interface FullSpec {
  readonly id: string | number;
  readonly start: Start;
  readonly restart: Restart;
  readonly shutdown: Shutdown;
  readonly significant: boolean;
  readonly type: "worker" | "supervisor";
}

export interface FullOptions {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly periodMs: number;
  readonly autoShutdown: AutoShutdown;
  readonly children: readonly FullSpec[];
}

const strategies: readonly unknown[] = ["one_for_one", "one_for_all", "rest_for_one"];
const restarts: readonly unknown[] = ["permanent", "transient", "temporary"];
const autoShutdowns: readonly unknown[] = ["never", "any_significant", "all_significant"];

/** @throws SUPERVISOR_INVALID */
export function checkOptions(options: SupervisorOptions): FullOptions {
  must(isRecord(options), "a supervisor's options are an object, such as { children: [] }", options);
  const { strategy = "one_for_one", intensity = 1, periodMs = 5000, autoShutdown = "never", children = [] } = options;
  must(strategies.includes(strategy), `strategy is one of ${strategies.join(", ")}`, strategy);
  must(Number.isSafeInteger(intensity) && intensity >= 0, "intensity is a whole number, 0 or more", intensity);
  must(typeof periodMs === "number" && periodMs > 0, "periodMs is a number of milliseconds above 0", periodMs);
  must(autoShutdowns.includes(autoShutdown), `autoShutdown is one of ${autoShutdowns.join(", ")}`, autoShutdown);
  must(Array.isArray(children), "children is an array of child specifications", children);
  const specs = children.map((child) => checkSpec(child, autoShutdown));
  const ids = new Set(specs.map(({ id }) => id));
  must(ids.size === specs.length, "children have different ids", specs.map(({ id }) => id).join(", "));
  return { strategy, intensity, periodMs, autoShutdown, children: specs };
}

/** @throws SUPERVISOR_INVALID */
export function checkSpec(spec: ChildSpec, autoShutdown: AutoShutdown): FullSpec {
  must(isRecord(spec), "a child's specification is an object, such as { id, start: [actor, args] }", spec);
  const { id, start, restart = "permanent", significant = false, type = "worker" } = spec;
  const shutdown = spec.shutdown ?? (type === "supervisor" ? "infinity" : 5000);
  must(typeof id === "string" || typeof id === "number", "a child's id is a string or a number", id);
  must(typeof start === "function" || Array.isArray(start), "a child's start is [actor, args] or a function", start);
  if (typeof start !== "function") checkStart(start);
  must(restarts.includes(restart), `restart is one of ${restarts.join(", ")}`, restart);
  must(type === "worker" || type === "supervisor", "type is worker or supervisor", type);
  must(isShutdown(shutdown), "shutdown is milliseconds, infinity or brutal_kill", shutdown);
  must(typeof significant === "boolean", "significant is true or false", significant);
  if (significant) {
    must(autoShutdown !== "never", `a significant child needs a supervisor with autoShutdown`, String(id));
    must(restart !== "permanent", "a significant child is transient or temporary", String(id));
  }
  return { id, start, restart, shutdown, significant, type };
}

/** What the child is spawned with, so that a mistake is not only found when it is restarted. */
function checkStart([what, args = [], options = {}]: readonly unknown[]): void {
  must(typeof what === "function" || what instanceof Actor, "a child's start begins with an actor or a function", what);
  try {
    checkSpawn(args, options);
  } catch (cause) {
    throw new HeddleError("SUPERVISOR_INVALID", `a child's start is [actor, args, options]: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function isShutdown(shutdown: unknown): boolean {
  return shutdown === "infinity" || shutdown === "brutal_kill" || (typeof shutdown === "number" && shutdown >= 0);
}

function must(holds: boolean, rule: string, got: unknown): void {
  if (holds) return;
  throw new HeddleError("SUPERVISOR_INVALID", `${rule}; got ${show(got)}.`);
}
