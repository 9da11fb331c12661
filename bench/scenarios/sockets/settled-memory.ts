/** The memory of a server that has come to rest: after its garbage is collected and its pages are given back. */
import { setTimeout as sleep } from "node:timers/promises";
import { treeMemory } from "../../harness/memory.ts";
import type { RunningPeer } from "../../peers/peer.ts";

const BETWEEN_MS = 2000;
const AT_MOST = 15;
/** It has come to rest when so many readings in a row are not lower than the lowest by more than this. */
const AT_REST = 3;
const SAME_MIB = 0.5;
/** Requests at once, so that they are spread over the threads. */
const AT_ONCE = 8;
const TRIES = 20;

/** In bytes. */
export async function settledMemory(running: RunningPeer, threads: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let readings = 0, atRest = 0; readings < AT_MOST && atRest < AT_REST; readings++) {
    await collectEverywhere(running.url, threads);
    await sleep(BETWEEN_MS);
    const { pssMiB } = treeMemory(running.pids());
    atRest = pssMiB > least - SAME_MIB ? atRest + 1 : 0;
    least = Math.min(least, pssMiB);
  }
  return least * 2 ** 20;
}

/** Each thread of a server has its own heap, and a new connection goes to any of them. */
async function collectEverywhere(url: string, threads: number): Promise<void> {
  const heard = new Set<string>();
  for (let tries = 0; tries < TRIES && heard.size < threads; tries++) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => collectOnce(url)));
    for (const answer of answers) heard.add(answer);
  }
  if (heard.size < threads) throw new Error(`${heard.size} of ${threads} threads have collected their garbage`);
}

async function collectOnce(url: string): Promise<string> {
  const signal = AbortSignal.timeout(30_000);
  const response = await fetch(`${url}/collect`, { headers: { connection: "close" }, signal });
  return response.text();
}
