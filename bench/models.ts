/**
 * `npm run bench:models`: compares the models with each other, and with the servers they come from. `--help` lists the
 * options.
 */
import { bench } from "./harness/bench.ts";
import { MODELS } from "./scenarios/all.ts";

await bench("models", "The models of concurrency", MODELS);
