/** A serving thread as an instance for sticky clients: whether it is one, and where other instances reach it. */

import type { ServerConfig } from "../../../config/config.ts";
import type { LoadRow } from "../../../supervise/load-board.ts";
import { instance } from "../../app/instance.ts";
import type { Connections } from "../../http/parse/connection.ts";
import type { Router } from "../../http/route/router.ts";
import { HopListener } from "../../http/sticky/hop-listener.ts";
import { newInstanceName } from "../../http/sticky/instances.ts";
import { Sticky } from "../../http/sticky/sticky.ts";
import type { ThreadBoot } from "./serving-protocol.ts";

export function isSticky({ fallback, routes }: Router): boolean {
  return [fallback, ...routes].some(({ sticky }) => sticky !== "none");
}

export function stickyOf(router: Router, { hop, index }: ThreadBoot, row: LoadRow): Sticky | undefined {
  if (hop === undefined || !isSticky(router)) return undefined;
  return new Sticky({ name: newInstanceName(instance.worker, index), access: hop, row });
}

/** Even while it drains, a request of another instance may be on its way. @throws HeddleError LISTEN_FAILED */
export function takeFromOthers(
  { name, access }: Sticky,
  connections: Connections,
  warn: (message: string) => void,
): Promise<HopListener> {
  return HopListener.open({
    access,
    name,
    adopt: (socket) => connections.adopt(socket, true),
    onError: (error) => warn(`accepting a request from another instance failed: ${error.message}`),
  });
}

export function lacksAddresses({ fallback, routes }: Router, { listen }: ServerConfig): boolean {
  return [fallback, ...routes].some(({ sticky }) => sticky === "ip") && listen.every(({ kind }) => kind === "unix");
}

export const WITHOUT_ADDRESS =
  "--sticky ip has no effect here: clients of a Unix socket have no address. Use --sticky cookie, which also works behind a proxy.";
