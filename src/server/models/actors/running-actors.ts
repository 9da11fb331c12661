/** The model `actors` on a serving thread: starts the actors of its requests, and the supervisor that they are children of. */

import { processes, type Process } from "../../../actors/process/process.ts";
import { hostedSupervisor } from "../../../actors/supervisor/hosted.ts";
import type { SupervisorPid } from "../../../actors/supervisor/requests.ts";
import { runQueue } from "../../../runtime/run-queue.ts";
import type { HandledExchange } from "../handled-exchange.ts";
import type { ModelHost, RunningModel, StartModel } from "../model.ts";
import { RequestActor, type Requests } from "./request-actor.ts";
import "../../../actors/index.ts";

/** As a worker child of OTP's supervisors. */
const SHUTDOWN_MS = 5000;

export async function loadRequestActors(): Promise<StartModel> {
  const supervisor = await hostedSupervisor({ label: "requests", children: requestActors, shutdownMs: SHUTDOWN_MS });
  return (host) => new RunningActors(host, supervisor);
}

/** Those of this thread that live. The library's own list has them: a second one would have to be kept for each request. */
function requestActors(): readonly Process[] {
  return processes.filter((process) => process instanceof RequestActor);
}

class RunningActors implements RunningModel {
  readonly #requests: Requests;

  constructor(host: ModelHost, supervisor: SupervisorPid) {
    this.#requests = { host, supervisor };
  }

  execute(exchange: HandledExchange): void {
    const actor = new RequestActor(exchange, this.#requests);
    // One that has waited is admitted on the stack of the request that has left. If it were ended there, that one would be as well.
    if (exchange.executedMs === exchange.receivedMs) actor.begin();
    else runQueue.add(actor);
  }

  readonly upgrade: RunningModel["upgrade"] = (req, socket, head) => this.#requests.host.app.upgrade(req, socket, head);
}
