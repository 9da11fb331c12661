/**
 * What the app sees of the client's connection when its request comes over a hop: the addresses and TLS of the client, not
 * those of the socket between two instances.
 */

import type { Socket } from "node:net";
import { type ClientTls, clientTlsOf, tlsFields } from "../../../platform/client-tls.ts";

export interface HopClient {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly localFamily: string | undefined;
  readonly tls: ClientTls | undefined;
}

/** `stream`: that of the client's connection. */
export function clientOf(stream: Socket): HopClient {
  const { remoteAddress, remotePort, remoteFamily, localAddress, localPort, localFamily } = stream;
  return {
    remoteAddress,
    remotePort,
    remoteFamily,
    localAddress,
    localPort,
    localFamily,
    tls: clientTlsOf(stream),
  };
}

/** From now on this socket looks like the client's. */
export function impersonate(socket: Socket, { tls, ...addresses }: HopClient): void {
  const { localAddress: address, localPort: port, localFamily: family } = addresses;
  const own: Record<string, unknown> = {
    ...addresses,
    remoteAddress: addresses.remoteAddress,
    address: () => (address === undefined ? {} : { address, port, family }),
  };
  if (tls !== undefined) Object.assign(own, tlsFields(tls));
  // net.Socket has the addresses as getters, which can't be assigned. Without a value a getter would tell of the hop.
  for (const name of ADDRESSES) own[name] ??= undefined;
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(socket, name, { value, configurable: true, writable: true });
  }
}

const ADDRESSES = ["remoteAddress", "remotePort", "remoteFamily", "localAddress", "localPort", "localFamily"];
