/** The scenarios of each benchmark, in the order in which they run and are reported. */
import type { Scenario } from "../harness/scenario.ts";
import { helloFetchKeepAlive } from "./hello-fetch.ts";
import { helloKeepAlive } from "./hello-keepalive.ts";
import { kills } from "./kills.ts";
import { memory } from "./memory.ts";
import { blocking } from "./models/blocking.ts";
import { ceilings } from "./models/ceilings.ts";
import { computing } from "./models/computing.ts";
import { freshThreads } from "./models/fresh-threads.ts";
import { frameworksThreads, helloThreads } from "./models/hello.ts";
import { neighbours } from "./models/neighbours.ts";
import { oneAtATime } from "./models/one-at-a-time.ts";
import { runaways } from "./models/runaways.ts";
import { stalls } from "./models/stalls.ts";
import { waiting } from "./models/waiting.ts";
import { newConnections } from "./new-connections.ts";
import { reloads } from "./reloads.ts";
import { actorsAcross, calls, longMailbox, parkedActors, ring, usualSet } from "./runtime/actors.ts";
import { across, buffered, fanOut, parked, pingPong, pipeline } from "./runtime/tasks.ts";
import { broadcast } from "./sockets/broadcast.ts";
import { hold } from "./sockets/hold.ts";
import { idleSockets } from "./sockets/idle.ts";
import { coordinatedOmission, latencyError } from "./tune/accuracy.ts";
import { generatorSpeed } from "./tune/speed.ts";
import { waiting10k } from "./waiting-10k.ts";

export const SERVE: readonly Scenario[] = [
  helloKeepAlive,
  helloFetchKeepAlive,
  newConnections,
  waiting10k,
  memory,
  reloads,
  kills,
];

export const MODELS: readonly Scenario[] = [
  helloThreads,
  frameworksThreads,
  waiting,
  stalls,
  blocking,
  computing,
  neighbours,
  oneAtATime,
  freshThreads,
  ceilings,
  runaways,
];

export const RUNTIME: readonly Scenario[] = [
  pingPong,
  pipeline,
  buffered,
  parked,
  fanOut,
  across,
  parkedActors,
  ring,
  calls,
  longMailbox,
  actorsAcross,
  ...usualSet,
];

export const SOCKETS: readonly Scenario[] = [idleSockets, broadcast, hold];

export const TUNE: readonly Scenario[] = [generatorSpeed, latencyError, coordinatedOmission];
