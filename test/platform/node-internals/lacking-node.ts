/** A Node that lacks one thing: heddle does not see it, and what heddle sets in its place has no effect. */

import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import type { NodeSurface } from "../../../src/platform/node-internals/probe/probe.ts";

const isServer = (target: object): boolean => target instanceof net.Server;

type Hides = (target: object, key: PropertyKey) => boolean;

/** Objects of Node's that heddle reaches through others. */
const REACHED: ReadonlySet<PropertyKey> = new Set(["_handle", "parser", "_readableState"]);

function seeing(hides: Hides, deafTo?: string): NodeSurface["see"] {
  const see = <T extends object>(object: T): T =>
    new Proxy(object, {
      get(target, key) {
        if (hides(target, key)) return undefined;
        const value: unknown = Reflect.get(target, key, target);
        if (key === "once" && deafTo !== undefined) {
          return (event: string, listener: () => void) =>
            event === deafTo ? target : Reflect.apply(value as () => unknown, target, [event, listener]);
        }
        // Node's own code is to see all of it.
        if (typeof value === "function") return value.bind(target) as unknown;
        return typeof value === "object" && value !== null && REACHED.has(key) ? see(value) : value;
      },
      set: (target, key, value) => hides(target, key) || Reflect.set(target, key, value, target),
      has: (target, key) => !hides(target, key) && Reflect.has(target, key),
      ownKeys: (target) => Reflect.ownKeys(target).filter((key) => !hides(target, key)),
      defineProperty: (target, key, descriptor) =>
        hides(target, key) || Reflect.defineProperty(target, key, descriptor),
    });
  return see;
}

/** What is set in place of this method of a server has no effect. */
const fixed =
  (name: string): NodeSurface["see"] =>
  (object) =>
    isServer(object)
      ? new Proxy(object, { set: (target, key, value) => key === name || Reflect.set(target, key, value) })
      : object;

/** A property, or a symbol of this description. */
const hiding =
  (name: string, of: (target: object) => boolean = () => true): Hides =>
  (target, key) =>
    (typeof key === "symbol" ? key.description : key) === name && of(target);

/** What is exported lacks it until the returned function is called. */
function withoutExport(module: object, name: string, instead?: unknown): () => void {
  const original: unknown = Reflect.get(module, name);
  Reflect.set(module, name, instead);
  syncBuiltinESMExports();
  return () => {
    Reflect.set(module, name, original);
    syncBuiltinESMExports();
  };
}

/** No stack has any of its frames until the returned function is called. */
function withoutStacks(): () => void {
  const original: unknown = Reflect.get(Error, "captureStackTrace");
  Error.captureStackTrace = () => {};
  return () => Reflect.set(Error, "captureStackTrace", original);
}

/** A socket that does not take over a handle. */
class Handleless extends net.Socket {
  constructor(options?: net.SocketConstructorOpts) {
    super(Object.assign({}, options, { handle: undefined }));
  }
}

type Lack = {
  readonly see?: NodeSurface["see"];
  readonly takeAway?: () => () => void;
  readonly loadFfi?: NodeSurface["loadFfi"];
};

/** By the names of the table. Those that are not here are called as the property they are: `ServerResponse._header`. */
const others: Readonly<Record<string, Lack>> = {
  "dgram.Socket: state": { see: seeing(hiding("state symbol")) },
  "Socket._handle": { see: seeing(hiding("_handle", (target) => !isServer(target))) },
  "Server._handle": { see: seeing(hiding("_handle", (target) => target instanceof http.Server)) },
  "new Socket({ handle })": { takeAway: () => withoutExport(net, "Socket", Handleless) },
  "http.Server: listening": { see: seeing(hiding("emit", isServer)) },
  "http.Server.emit": { see: fixed("emit") },
  "http._connectionListener": { takeAway: () => withoutExport(http, "_connectionListener") },
  "Immediate: its list": { see: seeing(hiding("_idleNext")) },
  "node:internal/timers: names in stacks": { takeAway: withoutStacks },
  "socket.parser.incoming": { see: seeing(hiding("incoming")) },
  "new IncomingMessage": { takeAway: () => withoutExport(http, "IncomingMessage") },
  "new ServerResponse": { takeAway: () => withoutExport(http, "ServerResponse") },
  "IncomingMessage.headers": { see: seeing(hiding("rawHeaders")) },
  "ServerResponse[kOutHeaders]": { see: seeing(hiding("kOutHeaders")) },
  "ServerResponse[kNeedDrain]": { see: seeing(hiding("kNeedDrain")) },
  "ServerResponse: socket": { see: seeing(() => false, "socket") },
  "ServerResponse: prefinish": { see: seeing(() => false, "prefinish") },
  "node:ffi": { loadFfi: () => Promise.resolve(false) },
};

/** `surface` to be tried before `restore` is called. */
export function lackingNode(name: string): { readonly surface: NodeSurface; readonly restore: () => void } {
  const lack = others[name] ?? { see: seeing(hiding(name.slice(name.lastIndexOf(".") + 1))) };
  const { see = (object) => object, takeAway, loadFfi = () => Promise.resolve(true) } = lack;
  return { surface: { version: "v99.0.0", see, loadFfi }, restore: takeAway?.() ?? ((): void => {}) };
}
