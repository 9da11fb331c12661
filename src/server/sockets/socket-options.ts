/** The options of a kind of WebSocket: one record each, with its default and its check. */

import { inspect } from "node:util";
import type { Refusal } from "./socket-host.ts";
import { socketInvalid } from "./socket-invalid.ts";
import type { SocketRequest } from "./socket-request.ts";

/** True: it is accepted. False: it is refused with 403. Anything else is the answer. */
export type Verdict = boolean | Refusal;

export interface DeflateOptions {
  /** Shorter messages are sent as they are. Default: 1024. */
  readonly thresholdBytes?: number;
  /** Window of the compressor: 9 to 15, and 2 to this power bytes of memory. Default: 12, which is 4 KiB. */
  readonly windowBits?: number;
}

/** How a client's speed is judged, and what it may send. All sizes are bytes. */
export interface SocketOptions {
  /** Shown where actors are shown. Default: the function's name. */
  readonly name?: string;
  /**
   * Which pages may connect. A browser tells by `Origin` which page it is, and sends the user's cookies with the handshake
   * whichever page it is. `same`: those of the host that is asked. A list: these, such as `https://example.org`. A client
   * without `Origin` is no browser, and is let in. Default: `same`.
   */
  readonly origins?: "same" | "any" | readonly string[];
  /** Subprotocols, the preferred one first. Of those that the client offers, the first one here is chosen. Default: none. */
  readonly protocols?: readonly string[];
  /** Decides about a handshake, after all other checks. May take as long as `--headers-timeout`. Default: all are accepted. */
  readonly accept?: (request: SocketRequest) => Verdict | Promise<Verdict>;
  /** Largest message, else 1009. Default: 1 MiB. */
  readonly messageBytes?: number;
  /** Most fragments of a message, else 1008. Empty ones count. Default: 1024. */
  readonly fragments?: number;
  /** Messages a second, else the socket is not read until the second is over. 0 is no limit, and the default. */
  readonly messagesPerSecond?: number;
  /** Unread messages at which the socket is not read any more, until half of them are. Default: 64. */
  readonly unreadMessages?: number;
  /** The same, by size. It is read again when all are. Default: 256 KiB. */
  readonly unreadBytes?: number;
  /** What may wait to be sent before the client counts as slow. Default: 1 MiB. */
  readonly sendBytes?: number;
  /**
   * What `send` does while the client is slow. `wait`: its promise resolves when all is sent; a socket on which four times
   * `sendBytes` wait is closed with 1013, because nobody awaits. `drop`: the message is not sent. `close`: the socket is closed
   * with 1013. Default: `wait`.
   */
  readonly whenSlow?: "wait" | "drop" | "close";
  /** A client that was silent for so long gets a ping, and one that was for twice as long is cut off. 0: never. Default: 30,000. */
  readonly pingMs?: number;
  /** A socket without any message for so long, in either direction, is closed with 1000. 0: never, and the default. */
  readonly idleMs?: number;
  /** Most sockets of this kind on each serving thread; further ones are closed with 1013. 0 is no limit, and the default. */
  readonly sockets?: number;
  /** Compression (RFC 7692), without context between messages. Each socket then has memory of its own. Default: false. */
  readonly deflate?: boolean | DeflateOptions;
  /**
   * When the server drains. `close`: the socket is closed as soon as its actor waits for a message and has none. `tell`: its actor
   * receives `{ type: "drain", reason }`, and decides. Default: `close`.
   */
  readonly onDrain?: "close" | "tell";
  /** How long an actor may go on after the end of its socket, before it is told to exit, and then once more before it is killed. Default: 5000. */
  readonly endMs?: number;
}

export interface ResolvedOptions extends Required<Omit<SocketOptions, "accept" | "deflate">> {
  readonly accept: SocketOptions["accept"] | undefined;
  readonly deflate: Required<DeflateOptions> | undefined;
}

interface Rule {
  readonly default: unknown;
  readonly right: string;
  readonly isRight: (value: unknown) => boolean;
}

const KIB = 1024;
const MAX_INT32 = 2 ** 31 - 1;

const count = (otherwise: number, min: number): Rule => ({
  default: otherwise,
  right: `a whole number, ${min} or more`,
  isRight: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= MAX_INT32,
});

const choice = (...choices: readonly string[]): Rule => ({
  default: choices[0],
  right: choices.map((each) => `"${each}"`).join(" or "),
  isRight: (value) => choices.includes(value as string),
});

const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

const rules: Readonly<Record<keyof SocketOptions, Rule>> = {
  name: { default: "", right: "a string", isRight: (value) => typeof value === "string" },
  origins: {
    default: "same",
    right: '"same", "any" or a list of origins such as "https://example.org"',
    isRight: (value) => value === "same" || value === "any" || isListOf(value, isOrigin),
  },
  protocols: {
    default: [],
    right: "a list of names without spaces, each once",
    isRight: (value) =>
      isListOf(value, (each) => TOKEN.test(each)) && new Set(value as string[]).size === (value as string[]).length,
  },
  accept: { default: undefined, right: "a function", isRight: (value) => typeof value === "function" },
  messageBytes: count(KIB * KIB, 1),
  fragments: count(1024, 1),
  messagesPerSecond: count(0, 0),
  unreadMessages: count(64, 1),
  unreadBytes: count(256 * KIB, 1),
  sendBytes: count(KIB * KIB, 1),
  whenSlow: choice("wait", "drop", "close"),
  pingMs: count(30_000, 0),
  idleMs: count(0, 0),
  sockets: count(0, 0),
  deflate: {
    default: false,
    right: "true, false or { thresholdBytes, windowBits }",
    isRight: (value) => typeof value === "boolean" || (typeof value === "object" && value !== null && isDeflate(value)),
  },
  onDrain: choice("close", "tell"),
  endMs: count(5000, 0),
};

/** @throws SOCKET_INVALID */
export function resolveOptions(options: SocketOptions, name: string): ResolvedOptions {
  if (typeof options !== "object" || options === null) {
    throw socketInvalid("socketActor()", "an object of options", inspect(options, { depth: 0 }));
  }
  const resolved: Record<string, unknown> = {};
  for (const [option, rule] of Object.entries(rules)) resolved[option] = rule.default;
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, option) ? rules[option as keyof SocketOptions] : undefined;
    if (rule === undefined) {
      const known = Object.keys(rules).join(", ");
      throw socketInvalid("socketActor()", `options that exist (${known})`, JSON.stringify(option));
    }
    if (!rule.isRight(value)) {
      throw socketInvalid(`socketActor(): ${option}`, rule.right, inspect(value, { depth: 1, breakLength: Infinity }));
    }
    resolved[option] = value;
  }
  if (resolved["name"] === "") resolved["name"] = name || "socket";
  return { ...resolved, deflate: deflateOf(resolved["deflate"] as SocketOptions["deflate"]) } as ResolvedOptions;
}

const NARROWEST_WINDOW = 9;
const WIDEST_WINDOW = 15;

function deflateOf(deflate: SocketOptions["deflate"]): ResolvedOptions["deflate"] {
  if (deflate === undefined || deflate === false) return undefined;
  const { thresholdBytes = KIB, windowBits = 12 } = deflate === true ? {} : deflate;
  return { thresholdBytes, windowBits };
}

function isDeflate(value: object): boolean {
  return Object.entries(value).every(
    ([name, number]) =>
      Number.isInteger(number) &&
      (name === "thresholdBytes"
        ? number >= 0
        : name === "windowBits" && number >= NARROWEST_WINDOW && number <= WIDEST_WINDOW),
  );
}

function isOrigin(text: string): boolean {
  return URL.parse(text)?.origin === text;
}

function isListOf(value: unknown, isRight: (each: string) => boolean): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string" && isRight(each));
}
