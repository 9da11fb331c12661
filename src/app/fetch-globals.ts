/**
 * heddle's `Response` and `Request` in place of the globals, for apps that are `{ fetch(request) }` (fetch-handler.ts).
 *
 * What the app is shows only after its import, and by then it may hold the globals. So they are replaced before; but only
 * by accessors, and everything behind them is loaded when somebody first reads one: an Express app, which never does,
 * must not pay for undici in every thread (some 15 MB).
 */

import { createRequire } from "node:module";
import type * as FetchHandler from "./fetch-handler.ts";

const names = ["Response", "Request"] as const;

/** Returns the function that takes both away again. */
export function installFetchGlobals(): () => void {
  const native = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)!] as const);
  const restore = (): void => {
    for (const [name, descriptor] of native) Object.defineProperty(globalThis, name, descriptor);
  };
  let remove = restore;
  const install = (): void => {
    restore();
    remove = loadFetchHandler().replaceGlobals();
  };
  for (const name of names) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get: () => {
        install();
        return globalThis[name];
      },
      set: (value: unknown) => {
        restore();
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false });
      },
    });
  }
  return () => remove();
}

/** Also what runs fetch apps is loaded for them only. */
export function loadFetchHandler(): typeof FetchHandler {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return createRequire(import.meta.url)(`./fetch-handler.${extension}`) as typeof FetchHandler;
}
