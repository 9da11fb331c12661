import { modelContract } from "./model.contract.ts";

modelContract("sync", [], { keepsConnections: false });
