/**
 * The shapes that an app may have, and what each of them supports: the contract tests exactly that. The apps are in
 * test/fixtures/contract/. They answer the same paths, each in its framework's own way.
 */

export interface Shape {
  /** As `heddle check` names it. */
  readonly name: string;
  /** In test/fixtures/contract/. */
  readonly file: string;
  /** Who answers for a handler that throws an Error, and for one that throws something else. */
  readonly answersErrors: { readonly error: Answerer; readonly other: Answerer };
  /**
   * The handler has node:http's own request and response: trailers, interim responses, events, the socket. A `Request` and
   * a `Response` know none of these.
   */
  readonly node: boolean;
  /** The app has an http.Server of its own, and with it a word in whether a body may come (`Expect: 100-continue`). */
  readonly server: boolean;
}

/** heddle, which logs the error; or the app's framework, which keeps it to itself. */
type Answerer = "heddle" | "framework";

const heddle: Shape["answersErrors"] = { error: "heddle", other: "heddle" };
const framework: Shape["answersErrors"] = { error: "framework", other: "framework" };

export const shapes: readonly Shape[] = [
  { name: "listener", file: "listener.ts", answersErrors: heddle, node: true, server: false },
  { name: "server", file: "server.ts", answersErrors: heddle, node: true, server: true },
  { name: "self-listening", file: "listening.cjs", answersErrors: heddle, node: true, server: true },
  { name: "express", file: "express.ts", answersErrors: framework, node: true, server: false },
  { name: "koa", file: "koa.ts", answersErrors: framework, node: true, server: false },
  { name: "fastify", file: "fastify.ts", answersErrors: framework, node: true, server: false },
  { name: "nest", file: "nest.ts", answersErrors: framework, node: true, server: false },
  { name: "fetch", file: "fetch.ts", answersErrors: heddle, node: false, server: false },
  // Hono hands on what is no Error.
  {
    name: "hono",
    file: "hono.ts",
    answersErrors: { error: "framework", other: "heddle" },
    node: false,
    server: false,
  },
];
