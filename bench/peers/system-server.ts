/** A server of another language from the system's packages. It gets its address on the command line. */
import { freePort } from "../harness/ports.ts";
import { processTree } from "../harness/proc.ts";
import { start } from "../harness/processes.ts";
import { descendants, type BenchApp, ready, type RunningPeer } from "./peer.ts";

/** `argsFor`: makes the command line for an address to listen on, "127.0.0.1:<port>". */
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
