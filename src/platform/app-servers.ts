/** What a server of Node speaks, by the methods that Node documents for it. Loads neither TLS nor HTTP/2. */

import type { Server } from "node:net";

/** What an app's own server speaks if it is more than HTTP/1 in clear text. `h2c` is HTTP/2 in clear text. */
export type OwnProtocol = "https" | "h2" | "h2c";

/** undefined: HTTP/1 in clear text. */
export function protocolOf(server: Server): OwnProtocol | undefined {
  if (isHttp2Server(server)) return isSecure(server) ? "h2" : "h2c";
  return isSecure(server) ? "https" : undefined;
}

export function isEncrypted(protocol: OwnProtocol | undefined): boolean {
  return protocol === "https" || protocol === "h2";
}

export function isSecure(server: Server): boolean {
  return "setSecureContext" in server;
}

export function asksForCertificates(server: Server | undefined): boolean {
  return server !== undefined && "requestCert" in server && server.requestCert === true;
}

/** Node exports no class of them. */
export function isHttp2Server(server: Server): boolean {
  return "updateSettings" in server && typeof server.updateSettings === "function";
}
