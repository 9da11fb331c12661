/** What the app's own router ignores in a path, read from the framework's values, as in shapes.ts. If the table of routes
 * compares paths in another way, a request may reach a handler without matching its route.
 */

import { type AppShape, shapeOf } from "./shapes.ts";

export interface OwnRouter {
  readonly framework: string;
  /** Takes /Report for /report. */
  readonly ignoresCase: boolean;
  /** Takes /report/ for /report. */
  readonly ignoresTrailingSlash: boolean;
  /** Options in use that have no equivalent setting in heddle. */
  readonly others: readonly string[];
  /** How the framework is told to tell them apart. */
  readonly distinguishingOptions: { readonly case: string; readonly trailingSlash: string };
}

interface ExpressApp {
  enabled: (setting: string) => boolean;
}

interface FastifyRouterOptions {
  readonly caseSensitive?: boolean;
  readonly ignoreTrailingSlash?: boolean;
  readonly ignoreDuplicateSlashes?: boolean;
  readonly useSemicolonDelimiter?: boolean;
}

interface FastifyApp {
  readonly initialConfig?: FastifyRouterOptions & { readonly routerOptions?: FastifyRouterOptions };
}

interface HonoApp {
  getPath?: (request: Request) => string;
}

/** Koa itself has no router, so this is `@koa/router`. */
interface KoaApp {
  readonly middleware?: readonly { readonly router?: { readonly opts?: { sensitive?: boolean; strict?: boolean } } }[];
}

interface NestApp {
  getHttpAdapter?: () => { getInstance?: () => unknown };
}

/** `app`: the module's export, or a listener of the server it listens on. */
export function ownRouterOf(app: unknown): OwnRouter | undefined {
  const read = readers[shapeOf(app) ?? "listener"];
  try {
    return read?.(app);
  } catch {
    // A fork that only looks like its framework: its options are unknown.
    return undefined;
  }
}

const readers: Partial<Record<AppShape, (app: unknown) => OwnRouter | undefined>> = {
  express: (app) => {
    const { enabled } = app as Partial<ExpressApp>;
    if (typeof enabled !== "function") return undefined;
    const isEnabled = (setting: string): boolean => Reflect.apply(enabled, app, [setting]);
    return {
      framework: "Express",
      ignoresCase: !isEnabled("case sensitive routing"),
      ignoresTrailingSlash: !isEnabled("strict routing"),
      others: [],
      distinguishingOptions: {
        case: 'app.enable("case sensitive routing")',
        trailingSlash: 'app.enable("strict routing")',
      },
    };
  },
  fastify: (app) => {
    const { initialConfig } = app as FastifyApp;
    if (initialConfig === undefined) return undefined;
    // Version 5 has them in `routerOptions`, and at the top when they were given there.
    const { routerOptions = {} } = initialConfig;
    const is = (option: keyof FastifyRouterOptions, value: boolean): boolean =>
      initialConfig[option] === value || routerOptions[option] === value;
    return {
      framework: "Fastify",
      ignoresCase: is("caseSensitive", false),
      ignoresTrailingSlash: is("ignoreTrailingSlash", true),
      others: (["ignoreDuplicateSlashes", "useSemicolonDelimiter"] as const).filter((option) => is(option, true)),
      distinguishingOptions: { case: "caseSensitive: true", trailingSlash: "ignoreTrailingSlash: false" },
    };
  },
  hono: (app) => {
    const { getPath } = app as HonoApp;
    if (getPath === undefined) return undefined;
    return {
      framework: "Hono",
      ignoresCase: getPath(new Request("http://localhost/A")) === "/a",
      ignoresTrailingSlash: getPath(new Request("http://localhost/a/")) === "/a",
      others: [],
      distinguishingOptions: { case: "a getPath that keeps it", trailingSlash: "new Hono({ strict: true })" },
    };
  },
  koa: (app) => {
    const { middleware = [] } = app as KoaApp;
    const options = middleware.flatMap(({ router }) => router?.opts ?? []);
    if (options.length === 0) return undefined;
    return {
      framework: "@koa/router",
      ignoresCase: options.some(({ sensitive }) => sensitive !== true),
      ignoresTrailingSlash: options.some(({ strict }) => strict !== true),
      others: [],
      distinguishingOptions: { case: "sensitive: true", trailingSlash: "strict: true" },
    };
  },
  nest: (app) => ownRouterOf((app as NestApp).getHttpAdapter?.().getInstance?.()),
};
