/** Erlang/OTP's programs, with one scheduler: one thread, like a thread of heddle. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf, run } from "../harness/processes.ts";
import { aptInstall } from "./apt-install.ts";
import { type Availability, type Peer, PEERS_FOLDER } from "./peer.ts";
import { program } from "./program.ts";

const beams = join(PEERS_FOLDER, "erlang");

export function erlangRuntime(workload: string): Peer {
  const command = ["erl", "+P", "4000000", "+S", "1:1", "-noshell", "-pa", beams, "-run", "workloads", "main"] as const;
  return program("Erlang/OTP", workload, install, [...command]);
}

async function install(): Promise<Availability> {
  const installed = await aptInstall(["erlang-base"]);
  if (!installed.available) return installed;
  try {
    await mkdir(beams, { recursive: true });
    const sources = ["workloads.erl", "adder.erl"].map(
      (file) => new URL(`../apps/runtime/erlang/${file}`, import.meta.url).pathname,
    );
    await run("erlc", ["-o", beams, ...sources]);
    return installed;
  } catch (error) {
    return { available: false, reason: reasonOf(error) };
  }
}
