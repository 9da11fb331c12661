/**
 * Tells all workers which instances of the app take requests, for sticky clients (`server/http/sticky/sticky.ts`). The list has
 * those of one generation: that which serves, and from its first moment. A worker that leaves is told too, and leads its clients
 * to those that stay.
 *
 * A list is sent when it has changed, complete each time, and to each worker that begins, before it is told to serve. A worker
 * reports its instances with every heartbeat. No instance takes connections before the others have read the list with its name: a
 * client that has been there would not be led back. So no worker begins to serve before that, and a thread that replaces another
 * waits for a list with its own name, which its worker gets last.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "../../../platform/random-bytes.ts";
import { runtimeFolder } from "../../../platform/runtime-folder.ts";
import type { HopAccess } from "../../http/sticky/hop.ts";
import type { Fleet } from "./fleet.ts";
import type { WorkerHandle } from "./worker-handle.ts";

const FOLDER_BYTES = 4;
const TOKEN_BYTES = 32;
/** A worker that is held up for longer can't hold up a reload. */
const HEAR_MS = 3000;

export class Roster {
  /** The folder is made by the first instance that needs it. */
  readonly access: HopAccess = {
    folder: join(runtimeFolder(), `h-${randomBytes(FOLDER_BYTES).toString("hex")}`),
    token: randomBytes(TOKEN_BYTES).toString("hex"),
  };
  readonly #fleet: Fleet;
  #generation = 0;
  /** The list. */
  #names: readonly string[] = [];
  /** Of all workers. */
  #all: ReadonlySet<string> = new Set();
  /** Of threads that replace others: not all workers have read of them. */
  readonly #unread = new Set<string>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    fleet.on("instances", () => this.#tell());
  }

  /** From now on this generation takes the requests. 0: none does, because the server stops. */
  follow(generation: number): void {
    this.#generation = generation;
    this.#tell();
  }

  /** Resolves when all workers have read the list. */
  async isRead(): Promise<void> {
    if (this.#names.length > 0) await Promise.all(this.#workers.map((worker) => worker.catchesUp(HEAR_MS)));
  }

  close(): void {
    rmSync(this.access.folder, { recursive: true, force: true });
  }

  /** One that starts has instances from the moment when all of them are ready. */
  get #workers(): readonly WorkerHandle[] {
    return this.#fleet.workers.filter(({ state, app }) => state !== "gone" && app !== undefined);
  }

  #tell(): void {
    const workers = this.#workers;
    const taking = workers.filter(({ generation, state }) => generation === this.#generation && state !== "draining");
    this.#names = taking.flatMap(({ instances }) => instances).sort();
    const serving = workers.filter(({ state }) => state === "serving");
    const fresh = serving.flatMap(({ instances }) => instances.filter((name) => !this.#all.has(name)));
    this.#all = new Set(workers.flatMap(({ instances }) => instances));
    for (const name of fresh) this.#unread.add(name);
    for (const worker of workers) {
      const isHidden = (name: string): boolean => this.#unread.has(name) && worker.instances.includes(name);
      worker.tellInstances(this.#names.filter((name) => !isHidden(name)));
    }
    if (fresh.length > 0) void this.#introduce(fresh);
  }

  async #introduce(fresh: readonly string[]): Promise<void> {
    await this.isRead();
    for (const name of fresh) this.#unread.delete(name);
    this.#tell();
  }
}
