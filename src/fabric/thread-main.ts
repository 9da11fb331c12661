/** The entry of every thread the fabric starts. What it runs comes as messages for services. */

import { fabric } from "./fabric.ts";
import { exposeTurns } from "./turn-handle.ts";

exposeTurns();
fabric().announce();
