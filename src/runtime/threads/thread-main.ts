/** The entry of every thread that the runtime starts. Its work comes as messages for services. */

import { replaceListen } from "../../platform/node-internals/listening.ts";
import { isImporting } from "../importing.ts";
import { runtime } from "../runtime.ts";

const here = runtime();
// The app's main module may be imported for its tasks.
if (here.isServers) replaceListen((server, _args, listen) => (isImporting() ? server : listen()));
here.announce();
