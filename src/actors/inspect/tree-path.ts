/**
 * Where an actor is in its tree of supervisors: the ids from the root down, such as `app/rooms/lobby`. A supervisor tells a child
 * its place when it spawns it, because the child may report something before its start is done.
 */

import type { Pid } from "../process/pid.ts";
import type { RareFields } from "../process/rare-fields.ts";

/** The root's name (or that of its function, or its pid), then ids of children. A dynamic child has its pid for an id. */
export type TreePath = readonly (string | number)[];

/** Shared by all children of a dynamic supervisor, because there may be very many. */
export interface Place {
  readonly below: TreePath;
  /** Undefined: a child of a dynamic supervisor. */
  readonly id: string | number | undefined;
}

/** The option of `spawn` by which a supervisor gives a child its place. */
export const treePlace: unique symbol = Symbol("tree place");

export interface PlaceOption {
  readonly [treePlace]?: Place;
}

/** Undefined for an actor that no supervisor has started. */
export function pathBelow(process: Pid, extra: RareFields | undefined): TreePath | undefined {
  const place = extra?.place;
  return place && [...place.below, place.id ?? process.toString()];
}

/** The path of a supervisor, which may be the root. */
export function pathOf(process: Pid & { readonly extra: RareFields | undefined }): TreePath {
  const { extra } = process;
  return pathBelow(process, extra) ?? [extra?.name ?? extra?.label ?? process.toString()];
}

export function pathText(path: TreePath): string {
  return path.join("/");
}
