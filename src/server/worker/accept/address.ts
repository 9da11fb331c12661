/** Formats a listening socket's address for people. */

/** null: a Unix socket that was listening already does not know its path. */
export type SocketAddress = string | { readonly address: string; readonly port: number } | null;

export function urlOf(scheme: string, address: SocketAddress): string | undefined {
  if (address === null) return undefined;
  if (typeof address === "string") return `unix:${address}`;
  const host = address.address.includes(":") ? `[${address.address}]` : address.address;
  return `${scheme}://${host}:${address.port}`;
}
