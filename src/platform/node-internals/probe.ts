/**
 * Tries, in a few milliseconds, everything this folder's table says heddle uses of Node, with the very functions that are used
 * to serve: requests go through node:http's own parser, over Unix sockets to this thread itself.
 *
 * On a serving thread, before it loads the app: node:http is loaded there anyway, and nobody has changed it yet. The first
 * thread of a process is enough.
 *
 * Rejected: looking for the names only. A field that is still there and means something else is what puts two heads on the
 * wire. Trying it on the worker's main thread: 5 ms and 3 MB for node:http, which that thread does without.
 */

import { HeddleError } from "../../errors/errors.ts";
import { loadNative } from "../native.ts";
import { type Internal, internals, SUPPORTED } from "./index.ts";
import { tryConnections } from "./probe-exchange.ts";
import { tryListening, tryMessages } from "./probe-messages.ts";

/** What heddle sees of an object of Node's. Tests have parts of it missing. */
export type See = <T extends object>(object: T) => T;

/** The Node that is tried. */
export interface NodeSurface {
  readonly version: string;
  readonly see: See;
  readonly loadFfi: () => Promise<boolean>;
}

const ourNode: NodeSurface = { version: process.version, see: (object) => object, loadFfi: loadNative };

/** What was found to work, by the names of the table. */
export class Findings {
  readonly #working = new Map<string, boolean>();

  /** Several trials of one thing must all succeed. One that throws has failed. */
  try(name: string, works: () => boolean): void {
    let isWorking: boolean;
    try {
      isWorking = works();
    } catch {
      isWorking = false;
    }
    this.#working.set(name, isWorking && this.#working.get(name) !== false);
  }

  /** Something was called that Node was to call. */
  seen(name: string): void {
    this.try(name, () => true);
  }

  /** What the other trials need; undefined: it can't be made. */
  make<T>(name: string, make: () => T): T | undefined {
    let made: T | undefined;
    this.try(name, () => {
      made = make();
      return true;
    });
    return made;
  }

  lacks(name: string): boolean {
    return this.#working.get(name) !== true;
  }
}

/** What this Node lacks of the table, in its order. @throws Error the trial itself could not be made */
export async function findLacking(node: NodeSurface = ourNode): Promise<readonly Internal[]> {
  const findings = new Findings();
  tryListening(findings, node.see);
  tryMessages(findings, node.see);
  await tryConnections(findings, node.see);
  if (await node.loadFfi()) findings.seen("node:ffi");
  return internals.filter(({ name, untried }) => untried === undefined && findings.lacks(name));
}

/**
 * Resolves to what is to be told: one line for each thing this Node lacks and heddle does without.
 *
 * @throws HeddleError NODE_INTERNALS_MISSING
 */
export async function examineNode(node: NodeSurface = ourNode): Promise<readonly string[]> {
  let lacking: readonly Internal[];
  try {
    lacking = await findLacking(node);
  } catch (error) {
    return [`whether Node ${node.version} has what heddle uses of it could not be tried: ${(error as Error).message}`];
  }
  const needed = lacking.filter(({ isSpared }) => !isSpared);
  if (needed.length > 0) throw missing(needed, node.version);
  return lacking.map(({ name, without }) => `Node ${node.version} has no ${name}: ${without}`);
}

function missing(needed: readonly Internal[], version: string): HeddleError {
  const list = needed.map(({ name, without }) => `${name} (${without})`).join("; ");
  return new HeddleError("NODE_INTERNALS_MISSING", `Node ${version} lacks what heddle uses of it: ${list}.`, {
    hint: `heddle supports Node ${SUPPORTED}: npm install --save-dev node@26. Or a preloaded module has changed node:http.`,
  });
}
