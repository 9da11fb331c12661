import { modelContract } from "./model.contract.ts";

modelContract("tasks", ["--threads", "2"]);
