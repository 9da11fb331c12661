import { modelContract } from "./model.contract.ts";

modelContract("threads", ["--threads", "2"]);
