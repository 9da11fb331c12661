/**
 * The addresses of `--listen`: how they are written, read and shown. Also those systemd hands over (sd_listen_fds(3)):
 * sockets that are already open, from file descriptor 3 on.
 */

import { resolve } from "node:path";
import { count } from "../errors/count.ts";

export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string; readonly mode?: number }
  | { readonly kind: "fd"; readonly fd: number };

export const firstPassedFd = 3;

/** sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, both with the closing NUL. */
const maxUnixPathBytes: number = process.platform === "linux" ? 107 : 103;

/** The address, or the reason why the text is not one. */
export function parseListenAddress(text: string, cwd: string): ListenAddress | string {
  if (text.startsWith("unix:")) return parseUnix(text.slice("unix:".length), cwd);
  if (text.startsWith("fd:")) return parseFd(text);
  return parseTcp(text);
}

function parseUnix(text: string, cwd: string): ListenAddress | string {
  const [path = "", query, ...rest] = text.split("?");
  if (path === "") return "it has no path after unix:";
  const absolute = resolve(cwd, path);
  const bytes = Buffer.byteLength(absolute);
  if (bytes > maxUnixPathBytes)
    return `its path is ${count(bytes, "byte")} long and a socket's may be ${maxUnixPathBytes}`;
  if (query === undefined) return { kind: "unix", path: absolute };
  const mode = /^mode=(0?[0-7]{3})$/.exec(query)?.[1];
  if (mode === undefined || rest.length > 0) return "after ? only an octal mode is allowed, such as mode=0660";
  return { kind: "unix", path: absolute, mode: Number.parseInt(mode, 8) };
}

function parseFd(text: string): ListenAddress | string {
  const digits = /^fd:\/\/(\d{1,6})$/.exec(text)?.[1];
  if (digits === undefined) return "fd:// must be followed by a number";
  const fd = Number(digits);
  return fd < firstPassedFd ? "0, 1 and 2 are stdin, stdout and stderr" : { kind: "fd", fd };
}

function parseTcp(text: string): ListenAddress | string {
  const colon = text.lastIndexOf(":");
  if (/^\d+$/.test(text)) return `a port alone is written :${text}`;
  if (text.includes("://")) return "it is an address, not a URL";
  if (colon === -1) return "it has no port";
  const port = parsePort(text.slice(colon + 1));
  if (port === undefined) return "its port is not a number from 0 to 65535";
  const host = text.slice(0, colon);
  if (host === "") return { kind: "tcp", host: "0.0.0.0", port };
  const bracketed = /^\[([0-9a-f:.%\w]+)\]$/i.exec(host)?.[1];
  if (bracketed !== undefined) return { kind: "tcp", host: bracketed, port };
  if (host.includes(":")) return "an IPv6 address must be in brackets";
  return /[\s/[\]]/.test(host)
    ? "its host has characters that are not allowed in a host name"
    : { kind: "tcp", host, port };
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  return port <= 65_535 ? port : undefined;
}

/** As a user writes it after `--listen`. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.kind === "fd") return `fd://${address.fd}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * The sockets systemd passed to this very process. LISTEN_PID tells whether they are ours: a child inherits the
 * variables but not the right to use them.
 */
export function passedAddresses(env: Readonly<Record<string, string | undefined>>, pid: number): ListenAddress[] {
  const count = Number(env["LISTEN_FDS"]);
  if (Number(env["LISTEN_PID"]) !== pid || !Number.isInteger(count) || count < 1) return [];
  return Array.from({ length: count }, (_, index) => ({ kind: "fd", fd: firstPassedFd + index }));
}
