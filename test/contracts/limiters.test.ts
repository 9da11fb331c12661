import { limiters } from "../../bench/overload/limiters/all.ts";
import { limiterContract } from "./limiter.contract.ts";

limiterContract("elasticity", limiters.elasticity, []);
limiterContract("gradient2", limiters.gradient2, ["gives throughput away", "ratchets", "lets times double"]);
limiterContract("vegas", limiters.vegas, ["gives throughput away"]);
limiterContract("aimd", limiters.aimd, ["lets times double"]);
limiterContract("covariance", limiters.covariance, ["gives throughput away", "ratchets"]);
