/** Half of the connections come to the other thread than that of their address, so their requests are forwarded. */

import { modelContract } from "./model.contract.ts";

modelContract("loop", ["--threads", "2", "--sticky", "ip"]);
