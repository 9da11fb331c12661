import { modelContract } from "./model.contract.ts";

modelContract("loop", ["--threads", "1"]);
modelContract("threads", ["--threads", "4"]);
modelContract("sync", [], { keepsConnections: false });
modelContract("thread-per-request", ["--threads", "4"]);
