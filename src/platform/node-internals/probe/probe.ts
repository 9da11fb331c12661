/**
 * Tries everything in the table of Node internals, in a few milliseconds, with the same functions that serve:
 * requests go through node:http's own parser, over Unix sockets to this thread itself.
 *
 * It runs on a serving thread, before that loads the app: node:http is loaded there anyway, and no app code has changed it yet.
 * The first thread of a process is enough.
 *
 * Rejected: checking only the names. A field that exists but means something else is what sends two heads. Also rejected:
 * trying it on the worker's main thread. That costs 5 ms and 3 MB for node:http, which that thread does not need.
 */

import { HeddleError } from "../../../errors/errors.ts";
import { loadNative } from "../../native.ts";
import { type Internal, internals, SUPPORTED } from "../index.ts";
import { tryConnections } from "./exchange.ts";
import { tryImmediates } from "./terminated.ts";
import { tryDatagrams, tryListening, tryMessages } from "./messages.ts";

/** The view of a Node object that heddle gets. Tests remove parts of it. */
export type See = <T extends object>(object: T) => T;

/** The Node under test. */
export interface NodeSurface {
  readonly version: string;
  readonly see: See;
  readonly loadFfi: () => Promise<boolean>;
}

const ourNode: NodeSurface = { version: process.version, see: (object) => object, loadFfi: loadNative };

/** What was found to work, by the names of the table. */
export class Findings {
  readonly #working = new Map<string, boolean>();

  /** Several trials of one thing must all succeed. A trial that throws has failed. */
  try(name: string, works: () => boolean): void {
    let isWorking: boolean;
    try {
      isWorking = works();
    } catch {
      isWorking = false;
    }
    this.#working.set(name, isWorking && this.#working.get(name) !== false);
  }

  /** Node has called a function that it should call. */
  seen(name: string): void {
    this.try(name, () => true);
  }

  /** A value that other trials need. undefined: it can't be made. */
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

/** What this Node lacks of the table, in the table's order. @throws Error: the trial itself could not be made */
export async function findLacking(node: NodeSurface = ourNode): Promise<readonly Internal[]> {
  const findings = new Findings();
  tryListening(findings, node.see);
  tryDatagrams(findings, node.see);
  tryMessages(findings, node.see);
  await tryImmediates(findings, node.see);
  await tryConnections(findings, node.see);
  if (await node.loadFfi()) findings.seen("node:ffi");
  return internals.filter(({ name, untried }) => untried === undefined && findings.lacks(name));
}

/**
 * Resolves to the warnings: one line for each thing that this Node lacks and heddle works without.
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
