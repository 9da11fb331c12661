export type { DrainReason } from "./config/drain-reason.ts";
export { defineConfig, type UserConfig } from "./config/sources/file.ts";
export type { RouteSettings } from "./config/routes/routes.ts";
export { socketActor } from "./server/sockets/socket-actor.ts";
export type {
  ActorSocket,
  SendOutcome,
  SocketActor,
  SocketBody,
  SocketClose,
  SocketDrain,
  SocketMessage,
} from "./server/sockets/socket-actor.ts";
export { publish, type PublishOptions } from "./server/sockets/publish.ts";
export type { SocketData } from "./server/sockets/wire/frames.ts";
export type { Refusal } from "./server/sockets/socket-host.ts";
export type { DeflateOptions, SocketOptions, Verdict } from "./server/sockets/socket-options.ts";
export type { SocketRequest } from "./server/sockets/socket-request.ts";
export { instance, type Instance, isFirst } from "./server/app/instance.ts";
export { type HandlerClass, reclassify, requestContext, requestGroup } from "./server/app/request-scope.ts";
