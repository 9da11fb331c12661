export type { DrainReason } from "./config/drain-reason.ts";
export { defineConfig, type UserConfig } from "./config/sources/file.ts";
export type { RouteSettings } from "./config/routes/routes.ts";
export { instance, type Instance, isFirst } from "./server/app/instance.ts";
