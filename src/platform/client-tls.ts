/**
 * What TLS says of a client's connection, for handlers that have another socket: on a handler thread, or in another instance. It can be
 * sent there. Clients that show certificates are not served so (server/models/own-servers.ts).
 */

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

export interface ClientTls {
  readonly protocol: string | null;
  readonly cipher: ReturnType<TLSSocket["getCipher"]>;
  readonly alpnProtocol: string | false | null;
  readonly servername: string | false | null | undefined;
  readonly isReused: boolean;
}

/** undefined: it is in clear text. */
export function clientTlsOf(stream: Socket): ClientTls | undefined {
  if (!("encrypted" in stream)) return undefined;
  const socket = stream as TLSSocket & { readonly servername?: string | false | null };
  return {
    protocol: socket.getProtocol(),
    cipher: socket.getCipher(),
    alpnProtocol: socket.alpnProtocol,
    servername: socket.servername,
    isReused: socket.isSessionReused(),
  };
}

/** The fields of a TLSSocket that tell of it. */
export function tlsFields(tls: ClientTls): Readonly<Record<string, unknown>> {
  return {
    encrypted: true,
    // heddle asks no client for a certificate.
    authorized: false,
    authorizationError: null,
    alpnProtocol: tls.alpnProtocol,
    servername: tls.servername,
    getProtocol: () => tls.protocol,
    getCipher: () => tls.cipher,
    getPeerCertificate: () => ({}),
    isSessionReused: () => tls.isReused,
  };
}
