/**
 * `npm run bench:versions`: the working tree beside an earlier commit, to see what the changes between them cost.
 * `BASE` names the commit (default: HEAD). `--help` tells the options.
 */
import { bench } from "./harness/bench.ts";
import { boot } from "./scenarios/versions/boot.ts";
import { hello } from "./scenarios/versions/hello.ts";
import { waiting } from "./scenarios/versions/waiting.ts";

await bench("versions", `The working tree beside ${process.env.BASE ?? "HEAD"}`, [...hello, ...waiting, boot]);
