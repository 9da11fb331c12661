/** The entry of every thread that the runtime starts. Its work comes as messages for services. */

import { runtime } from "../runtime.ts";

runtime().announce();
