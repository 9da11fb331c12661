import { modelContract } from "./model.contract.ts";

modelContract("thread-per-request", ["--threads", "4"], { keepsConnections: true, next: "loop", loadsForEach: true });
