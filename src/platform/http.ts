/**
 * The values of node:http, without importing it as a module. An `import` evaluates all of its exports, including the lazy
 * `WebSocket`, which loads undici: 15 MB in every thread. Types may be imported from "node:http" as usual.
 */
export const http: typeof import("node:http") = process.getBuiltinModule("node:http");
