/**
 * Recognises an app's export and makes it callable. Recognition looks at the methods of a value, never at its package: two
 * copies of Express, or a fork of it, are all Express.
 *
 * Order matters, from the most to the least specific: a Nest application, a Fastify and a Koa instance all have
 * `listen`, a Hono app has `fetch`, and an Express app is itself a `(req, res)` function.
 */

import { errorTable, HeddleError } from "../../../errors/errors.ts";
import { endSignal } from "../process-end.ts";
import { isClass } from "./describe.ts";
import type { FetchApp } from "../fetch/fetch-handler.ts";
import { callListeners, isPromiseLike, type RequestListener } from "../node-listener.ts";
import { isAppServer, type AppServer } from "../listen/self-listening.ts";

export type AppShape =
  | "fetch"
  | "listener"
  | "express"
  | "koa"
  | "fastify"
  | "nest"
  | "hono"
  | "server"
  | "self-listening"
  | "sockets";

/** An app, ready to answer. */
export interface AppTarget {
  readonly shape: AppShape;
  readonly request: RequestListener;
  /** Takes upgrades and `Expect`, if the app has its own server. */
  readonly server?: AppServer;
  readonly close?: () => Promise<void>;
  /** Called before the first request, if this target is the one that runs. */
  readonly activate?: () => void;
}

interface KoaApp {
  callback: () => RequestListener;
}

interface FastifyApp {
  ready: () => PromiseLike<unknown>;
  server: AppServer;
  close: () => PromiseLike<unknown>;
}

interface NestApp {
  init: () => Promise<unknown>;
  getHttpServer: () => AppServer;
  getHttpAdapter?: () => { getInstance?: () => unknown };
  close: () => Promise<void>;
}

/** The shape of a value, or undefined when heddle cannot run it. */
export function shapeOf(value: unknown): Exclude<AppShape, "self-listening" | "sockets"> | undefined {
  if (isAppServer(value)) return "server";
  if (typeof value === "function") {
    if (has(value, "handle", "listen")) return "express";
    return isClass(value) ? undefined : "listener";
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (has(value, "init", "getHttpServer")) return "nest";
  if (has(value, "ready", "inject") && "server" in value) return "fastify";
  if (has(value, "callback", "use", "listen")) return "koa";
  if (has(value, "fetch")) return has(value, "route", "basePath") ? "hono" : "fetch";
  return undefined;
}

/** Makes a recognised value callable. Waits until the framework is ready. */
export async function prepare(value: unknown): Promise<AppTarget | undefined> {
  const shape = shapeOf(value);
  switch (shape) {
    case "server":
      return serverTarget(shape, value as AppServer);
    case "express":
      return { shape, request: value as RequestListener };
    case "listener":
      return { shape, request: guardReturnedResponse(value as RequestListener) };
    case "koa":
      return { shape, request: (value as KoaApp).callback() };
    case "fetch":
    case "hono": {
      // Loaded only for fetch apps: it loads undici into the thread, some 15 MB.
      const { fetchListener, replaceGlobals } = await import("../fetch/fetch-handler.ts");
      return { shape, request: fetchListener(value as FetchApp), activate: replaceGlobals };
    }
    case "fastify": {
      const app = value as FastifyApp;
      await app.ready();
      return { ...serverTarget(shape, app.server), close: async () => void (await app.close()) };
    }
    case "nest": {
      const app = value as NestApp;
      await app.init();
      const inner = app.getHttpAdapter?.().getInstance?.();
      if (shapeOf(inner) === "fastify") await (inner as FastifyApp).ready();
      return { ...serverTarget(shape, app.getHttpServer()), close: () => app.close() };
    }
    default:
      return undefined;
  }
}

/** The app only has WebSockets. */
export function socketsTarget(): AppTarget {
  const { status = 426 } = errorTable.UPGRADE_REQUIRED;
  const body = "This server only speaks WebSocket.\n";
  return {
    shape: "sockets",
    // RFC 9110 §15.5.22
    request: (_req, res) => void res.writeHead(status, { upgrade: "websocket", connection: "upgrade" }).end(body),
  };
}

export function serverTarget<const S extends AppShape>(shape: S, server: AppServer): AppTarget & { shape: S } {
  return {
    shape,
    server,
    request: (req, res) => callListeners(server, "request", req, res),
    close: () => closeServer(server),
  };
}

function has(value: object, ...methods: string[]): boolean {
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

/**
 * `export default (request) => new Response()` looks like a `(req, res)` function, and so does a function that makes an app. Their
 * requests would hang without this.
 */
function guardReturnedResponse(listener: RequestListener): RequestListener {
  return (req, res) => {
    const result: unknown = listener(req, res);
    if (result === undefined || result === res) return undefined;
    return isPromiseLike(result) ? Promise.resolve(result).then(refuseResult) : refuseResult(result);
  };
}

function refuseResult(result: unknown): void {
  if (result instanceof Response) {
    throw new HeddleError(
      "HANDLER_FAILED",
      "The app's function returned a Response, but a function is called as (req, res).",
      { hint: "Write `export default { fetch: handler }`." },
    );
  }
  const shape = shapeOf(result);
  if (shape === undefined) return;
  const what = NAMES_OF_SHAPES[shape];
  throw new HeddleError(
    "HANDLER_FAILED",
    `The app's function returned ${what}, but a function is called as (req, res).`,
    {
      hint: "It makes an app, and is not one. Call it in the module: `export default await createApp()`.",
    },
  );
}

const NAMES_OF_SHAPES: Readonly<Record<Exclude<AppShape, "self-listening" | "sockets">, string>> = {
  fetch: "an object with fetch(request)",
  listener: "a function",
  express: "an Express app",
  koa: "a Koa app",
  fastify: "a Fastify instance",
  nest: "a NestJS application",
  hono: "a Hono app",
  server: "an http.Server",
};

/** An app that listens for the signal that ends it closes its server itself, and a second `close` would be an error to it. */
export function closeServer(server: AppServer): Promise<void> {
  if (!server.listening || endSignal() !== undefined) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
