/**
 * heddle of an earlier commit, to measure the cost of a change: checked out, packed and installed beside the working tree's.
 */
import { existsSync, rmSync, symlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../harness/processes.ts";
import { heddleModelsIn } from "./heddle-models.ts";
import { installHeddle, WORKING_TREE } from "./heddle.ts";
import { type Peer, PEERS_FOLDER } from "./peer.ts";

/** `ref`: a commit, branch or tag. It is built with the packages of the working tree. */
export function heddleAt(ref: string): Peer {
  const folder = join(PEERS_FOLDER, "heddle-at");
  return heddleModelsIn(`heddle at ${ref}`, folder, async () => {
    const source = join(PEERS_FOLDER, "heddle-at-source");
    const git = (...args: string[]): Promise<unknown> => run("git", args, { cwd: WORKING_TREE, timeoutMs: 60_000 });
    await mkdir(PEERS_FOLDER, { recursive: true });
    if (existsSync(source)) await git("worktree", "remove", "--force", source);
    try {
      await git("worktree", "add", "--detach", "--force", source, ref);
      symlinkSync(join(WORKING_TREE, "node_modules"), join(source, "node_modules"));
      return await installHeddle(source, folder);
    } finally {
      rmSync(source, { recursive: true, force: true });
      await git("worktree", "prune");
    }
  });
}
