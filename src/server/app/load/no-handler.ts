/** The error for an app that exports nothing usable and does not listen: what it exports, and what would be right. */

import { extname } from "node:path";
import { HeddleError } from "../../../errors/errors.ts";
import { isPromiseLike } from "../node-listener.ts";
import { describe, isClass } from "./describe.ts";
import { show } from "./near-files.ts";
import { shapeOf } from "./shapes.ts";

const EXPECTED =
  "Export as default one of: an object with fetch(request), a function (req, res), an Express, Koa, Fastify, Hono or NestJS app, an http.Server; or call listen() on an http server.";

export async function noHandler(path: string, exported: Readonly<Record<string, unknown>>): Promise<HeddleError> {
  const isCommonJs = "module.exports" in exported || extname(path).startsWith(".c");
  const value = await exported["default"];
  const names = Object.keys(exported).filter(
    (name) => name !== "module.exports" && name !== "__esModule" && !isBare(name),
  );
  // Of `exports.app = …` the default is the object that has it.
  const own = isCommonJs && names.length > 1 ? names.filter((name) => name !== "default") : names;
  const parts = await Promise.all(own.map(async (name) => `${name} (${await described(exported[name])})`));
  const usable = own.find((name) => name !== "default" && shapeOf(exported[name]) !== undefined);
  return new HeddleError(
    "APP_NO_HANDLER",
    `${show(path)} exports nothing that answers requests and did not listen. It exports ${parts.join(", ") || "nothing"}.`,
    { hint: `${hintFor(value, usable, isCommonJs)}${EXPECTED}` },
  );

  /** Of an empty CommonJS module. */
  function isBare(name: string): boolean {
    const bag = exported[name];
    return isCommonJs && name === "default" && typeof bag === "object" && bag !== null && Object.keys(bag).length === 0;
  }
}

async function described(value: unknown): Promise<string> {
  return isPromiseLike(value) ? `a promise of ${describe(await value)}` : describe(value);
}

function hintFor(value: unknown, usable: string | undefined, isCommonJs: boolean): string {
  const write = (what: string): string => (isCommonJs ? `module.exports = ${what}` : `export default ${what}`);
  if (usable !== undefined) return `\`${usable}\` would do: write \`${write(usable)}\`. `;
  if (typeof value === "function" && isClass(value))
    return `A class is not an app: write \`${write(`new ${value.name || "App"}()`)}\`. `;
  return "";
}
