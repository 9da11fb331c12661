/** What a listening socket's address looks like to people. */

export type SocketAddress = string | { readonly address: string; readonly port: number };

export function urlOf(scheme: string, address: SocketAddress): string {
  if (typeof address === "string") return `unix:${address}`;
  const host = address.address.includes(":") ? `[${address.address}]` : address.address;
  return `${scheme}://${host}:${address.port}`;
}
