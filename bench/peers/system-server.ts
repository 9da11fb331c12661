/** A server of another language from the system's packages, which is told its address. */
import { freePort } from "../harness/ports.ts";
import { processTree } from "../harness/proc.ts";
import { start } from "../harness/processes.ts";
import { descendants, type BenchApp, ready, type RunningPeer } from "./peer.ts";

/** `argsFor`: from the address it is to listen on, "127.0.0.1:<port>", to its command line. */
export async function startSystemServer(
  app: BenchApp,
  command: string,
  argsFor: (address: string) => readonly string[],
): Promise<RunningPeer> {
  const address = `127.0.0.1:${await freePort()}`;
  const server = start(command, argsFor(address));
  const running = {
    url: `http://${address}`,
    pids: () => processTree([server.pid]),
    workerPids: () => descendants(server.pid),
    stop: () => server.stop(1000),
  };
  return ready(running, app);
}
