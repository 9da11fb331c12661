import { modelContract } from "./model.contract.ts";

modelContract("actors", ["--threads", "1"]);
