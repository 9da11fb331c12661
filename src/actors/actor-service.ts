/** Opens this thread's actors to other threads, after all modules that handle their messages were loaded. */

import "./process/exit-signals.ts";
import "./exits/kill-orders.ts";
import "./exits/links.ts";
import "./exits/thread-stops.ts";
import "./messaging/calls.ts";
import "./registry/groups.ts";
import "./registry/registered-names.ts";
import "./registry/keyed-registry.ts";
import "./process/process-info.ts";
import "./messaging/sending.ts";
import "./process/spawn.ts";
import "./actor-threads.ts";
import "./time/timers.ts";
import "./table/home.ts";
import "./messaging/priority.ts";
import "./inspect/observe.ts";
import "./inspect/leaks.ts";
import "./inspect/watched-actors.ts";
import { openService } from "./messaging/remote.ts";

openService(import.meta.url);
