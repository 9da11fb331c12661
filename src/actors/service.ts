/** Opens the actors of this thread to the others, when everything that handles their messages is there. */

import "./exit-signals.ts";
import "./calls.ts";
import "./groups.ts";
import "./names.ts";
import "./process-info.ts";
import "./sending.ts";
import "./spawn.ts";
import "./threads.ts";
import { openService } from "./remote.ts";

openService(import.meta.url);
