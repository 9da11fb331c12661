import { modelContract } from "./model.contract.ts";

modelContract("loop", ["--threads", "1"]);
