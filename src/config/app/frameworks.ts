/** What the builds of frameworks make, and who serves it. */

export interface Framework {
  readonly name: string;
  /** It is the project's framework if the project depends on one of these. */
  readonly packages: readonly string[];
  /** Where the build puts its server. `*` is one folder. */
  readonly outputs: readonly string[];
  /** The build does not listen by itself: the command of a package that serves it, and its arguments. */
  readonly serve?: (output: string) => readonly string[] | undefined;
  /** No other program writes such a file, so it is taken without the package: an image may contain only the build. */
  readonly isUnmistakable?: true;
}

const NITRO = ".output/server/index.mjs";
const NEXT_STANDALONE = ".next/standalone/server.js";

export const frameworks: readonly Framework[] = [
  {
    name: "Next.js",
    packages: ["next"],
    outputs: [NEXT_STANDALONE, ".next/BUILD_ID"],
    serve: (output) => (output === NEXT_STANDALONE ? undefined : ["next", "start"]),
    isUnmistakable: true,
  },
  {
    name: "Nuxt or Nitro",
    packages: ["nuxt", "nitro", "nitropack", "@tanstack/react-start", "@tanstack/solid-start", "@solidjs/start"],
    outputs: [NITRO],
    isUnmistakable: true,
  },
  {
    name: "SvelteKit",
    packages: ["@sveltejs/adapter-node"],
    outputs: ["build/index.js"],
  },
  { name: "Astro", packages: ["@astrojs/node"], outputs: ["dist/server/entry.mjs"] },
  {
    name: "React Router",
    packages: ["@react-router/serve"],
    outputs: ["build/server/index.js"],
    serve: (output) => ["react-router-serve", output],
  },
  {
    name: "Remix",
    packages: ["@remix-run/serve"],
    outputs: ["build/server/index.js", "build/index.js"],
    serve: (output) => ["remix-serve", output],
  },
  { name: "Angular", packages: ["@angular/ssr"], outputs: ["dist/*/server/server.mjs", "dist/server/server.mjs"] },
  { name: "NestJS", packages: ["@nestjs/core"], outputs: ["dist/main.js", "dist/src/main.js"] },
  { name: "AdonisJS", packages: ["@adonisjs/core"], outputs: ["build/bin/server.js"] },
  {
    name: "Qwik",
    packages: ["@builder.io/qwik-city", "@qwik.dev/router"],
    outputs: ["server/entry.node-server.js", "server/entry.express.js", "server/entry.fastify.js"],
  },
];

/** Builds that answer requests and are no server: a module of the project's own has to call them. */
export const needServers: readonly {
  readonly packages: readonly string[];
  readonly output: string;
  readonly hint: string;
}[] = [
  {
    packages: ["@react-router/dev", "@react-router/express", "@react-router/node"],
    output: "build/server/index.js",
    hint: "It exports a build, and no server. Install @react-router/serve, or name your own server that passes the build to createRequestListener or createRequestHandler.",
  },
];
