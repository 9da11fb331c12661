/** Puma from the system's packages; `loops` workers, or a single process for 0. It serves apps/ruby/models.ru. */
import { aptInstall } from "./apt-install.ts";
import { flagsOf } from "./model-options.ts";
import type { Peer } from "./peer.ts";
import { startSystemServer } from "./system-server.ts";

const rackup = new URL("../apps/ruby/models.ru", import.meta.url).pathname;

export const puma: Peer = {
  name: "Puma",
  install: () => aptInstall(["puma"]),
  start: (app, options) =>
    startSystemServer(app, "/usr/bin/puma", (address) => [
      "--bind",
      `tcp://${address}`,
      "--environment",
      "production",
      "--workers",
      String(options.loops),
      ...flagsOf(options),
      rackup,
    ]),
};
