/** The entry of every thread the runtime starts. What it runs comes as messages for services. */

import { runtime } from "../runtime.ts";
import { exposeTurns } from "../turn-handle.ts";

exposeTurns();
runtime().announce();
