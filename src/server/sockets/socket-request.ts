/**
 * The handshake's request, as a socket's actor sees it. It lives as long as the socket, so it is small: one string has all
 * headers, and nothing of node:http is kept.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

export interface SocketRequest {
  /** As it was sent: path and query. */
  readonly url: string;
  /** Names in lower case. Of a name that came several times the values are joined by commas. Made anew by each reading. */
  readonly headers: Readonly<Record<string, string>>;
  /** `new URL(url)` with the host of the request. */
  readonly parsedUrl: URL;
  /** The client's address; undefined when the connection has closed, and for a Unix socket. */
  readonly remoteAddress: string | undefined;
  readonly isSecure: boolean;
}

export class HandshakeRequest implements SocketRequest {
  readonly url: string;
  /** In the log. Made when it is first needed. */
  id: string | undefined = undefined;
  readonly #head: string;
  readonly #socket: Socket;

  constructor({ url, rawHeaders }: IncomingMessage, socket: Socket) {
    this.url = url ?? "/";
    // No value has a line end: node:http's parser refuses them.
    this.#head = rawHeaders.join("\n");
    this.#socket = socket;
  }

  get headers(): Readonly<Record<string, string>> {
    const headers = Object.create(null) as Record<string, string>;
    const parts = this.#head.split("\n");
    for (let i = 0; i + 1 < parts.length; i += 2) {
      const name = parts[i]!.toLowerCase();
      const value = parts[i + 1]!;
      headers[name] = name in headers ? `${headers[name]}${name === "cookie" ? "; " : ", "}${value}` : value;
    }
    return headers;
  }

  get parsedUrl(): URL {
    const base = `${this.isSecure ? "https" : "http"}://${this.headers["host"] || "localhost"}`;
    // A path that begins with two slashes is no host.
    return this.url.startsWith("/") ? new URL(base + this.url) : new URL(this.url, base);
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get isSecure(): boolean {
    return "encrypted" in this.#socket;
  }
}
