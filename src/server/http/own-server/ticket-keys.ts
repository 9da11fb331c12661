/**
 * Session tickets of an app's own TLS server. Each copy of the app would make its own keys, so a client could resume its session
 * only where it began (docs/decisions/session-tickets.md). It gets those that all instances share, unless the app has set its own.
 *
 * Node makes new keys in `setSecureContext`, with which an app exchanges its certificate. So the shared ones are set again after it.
 */

import type { TlsOptions, Server as TlsServer } from "node:tls";

export class SharedTicketKeys {
  readonly #server: TlsServer;
  readonly #set: TlsServer["setTicketKeys"];
  #keys: Buffer | undefined;
  #isAppsOwn: boolean;

  constructor(server: TlsServer) {
    this.#server = server;
    this.#isAppsOwn = hasOwnKeys(server);
    this.#set = server.setTicketKeys.bind(server);
    const setContext = server.setSecureContext.bind(server);
    server.setSecureContext = (options: TlsOptions) => {
      setContext(options);
      if (options.ticketKeys !== undefined) this.#isAppsOwn = true;
      this.#apply();
    };
    server.setTicketKeys = (keys) => {
      this.#isAppsOwn = true;
      this.#set(keys);
    };
  }

  use(keys: Buffer): void {
    this.#keys = keys;
    this.#apply();
  }

  #apply(): void {
    if (this.#keys !== undefined && !this.#isAppsOwn) this.#set.call(this.#server, this.#keys);
  }
}

/** The field is there only if the keys were among the options. */
function hasOwnKeys(server: TlsServer): boolean {
  return "ticketKeys" in server && server.ticketKeys !== undefined;
}
