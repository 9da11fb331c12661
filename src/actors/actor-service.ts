/** Opens the actors of this thread to the others, when everything that handles their messages is there. */

import "./process/exit-signals.ts";
import "./messaging/calls.ts";
import "./registry/groups.ts";
import "./registry/registered-names.ts";
import "./process/process-info.ts";
import "./messaging/sending.ts";
import "./process/spawn.ts";
import "./actor-threads.ts";
import { openService } from "./messaging/remote.ts";

openService(import.meta.url);
