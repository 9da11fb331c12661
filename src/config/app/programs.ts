/** Programs that start scripts run, and what heddle makes of each. */

/** What runs a file of the app. `preload`: what it adds to Node, in the project if it is installed. */
export interface Runner {
  /** Node's flag and the module that make Node run the same files. */
  readonly preload?: readonly [flag: string, module: string];
  /** Own flags with a value in the next word. */
  readonly withValue?: readonly string[];
  /** Other own flags. Given if the program passes all that are not its own to Node. */
  readonly withoutValue?: readonly string[];
  /** The variables that own flags set, with their value or 1. */
  readonly variables?: Readonly<Record<string, string>>;
  /** First words that are not the file. */
  readonly verbs?: readonly string[];
  /** What the log says is missing. */
  readonly lacks?: string;
}

const erases = "Node itself erases the types";
const restarts = "restarts on changes: use heddle's --watch";

// biome-ignore format: a list
const tsNodeFlags: readonly string[] = [
  "-P", "--project", "-O", "--compiler-options", "--compilerOptions", "-r", "--require", "-C", "--compiler",
  "-I", "--ignore", "-D", "--ignore-diagnostics", "--ignoreDiagnostics", "--cwd",
];

export const runners: Readonly<Record<string, Runner>> = {
  node: {},
  nodejs: {},
  tsx: {
    preload: ["--import", "tsx"],
    verbs: ["watch"],
    withValue: ["--tsconfig", "--include", "--exclude", "--ignore"],
    withoutValue: ["--no-cache", "--clear-screen", "--no-clear-screen"],
    variables: { "--tsconfig": "TSX_TSCONFIG_PATH", "--no-cache": "TSX_DISABLE_CACHE" },
  },
  // Its hook is for `require`, and not for what an import loads.
  "ts-node": { withValue: tsNodeFlags, lacks: erases },
  "ts-node-esm": { withValue: tsNodeFlags, lacks: erases },
  "ts-node-dev": { withValue: [...tsNodeFlags, "--ignore-watch", "--interval", "--debounce"], lacks: erases },
  "swc-node": { preload: ["--import", "@swc-node/register/esm-register"] },
  nodemon: {
    // biome-ignore format: a list
    withValue: [
      "-w", "--watch", "-e", "--ext", "-i", "--ignore", "-d", "--delay", "--config", "-s", "--signal", "--cwd", "-P",
      "--polling-interval", "-x", "--exec",
    ],
    // biome-ignore format: a list
    withoutValue: [
      "-q", "--quiet", "-V", "--verbose", "-L", "--legacy-watch", "-I", "--stdin", "--no-stdin", "-C",
      "--on-change-only", "-N", "--no-colors", "--exitcrash", "--exitCrash", "--spawn", "--no-update-notifier",
    ],
    lacks: restarts,
  },
  "vite-node": { withValue: ["-c", "--config"], lacks: "its transforms: heddle runs the file with Node" },
  "babel-node": { lacks: "its transforms: heddle runs the file with Node" },
  bun: { verbs: ["run", "start"], lacks: "heddle runs the file with Node" },
  deno: { verbs: ["run", "serve"], lacks: "heddle runs the file with Node" },
  pm2: {
    verbs: ["start"],
    // biome-ignore format: a list
    withValue: [
      "-i", "--instances", "-n", "--name", "-l", "--log", "-o", "--output", "-e", "--error", "--max-memory-restart",
      "--env", "--cwd", "--node-args", "--interpreter", "--interpreter-args", "--max-restarts", "--restart-delay",
      "--exp-backoff-restart-delay", "--kill-timeout", "--listen-timeout", "--log-date-format", "--namespace",
      "--ignore-watch", "--watch-delay", "-p", "--pid", "-u", "--user", "--cron-restart", "-c", "--cron",
    ],
    lacks: "heddle starts the processes: use its --workers",
  },
  forever: { verbs: ["start"], lacks: "heddle restarts what fails" },
};

/** Commands that run another command behind them. `withValue`: own flags with a value in the next word. */
export const wrappers: Readonly<Record<string, readonly string[]>> = {
  "cross-env": [],
  "cross-env-shell": [],
  env: ["-u"],
  exec: [],
  command: [],
  npx: ["-p", "--package"],
  bunx: [],
  time: [],
  nice: ["-n"],
  "dumb-init": [],
  tini: [],
  dotenv: ["-e", "-v", "-c"],
  "env-cmd": ["-f", "--file", "-e", "--environments", "-r", "--rc-file"],
  dotenvx: ["-f", "--env-file", "-e", "--env", "-fk", "--env-keys-file"],
};

/** In which values. */
export type Expansion = "all" | "unless-single-quoted";

/** A wrapper that reads env files: `.env`, unless `files` name others. The first file wins. */
export interface EnvFileReader {
  readonly files: readonly string[];
  /** They name another source. */
  readonly others?: readonly string[];
  /** Its value is a variable, `NAME=value`. */
  readonly variables?: readonly string[];
  /** Beside each file, the same with `.local` and with its value behind the name. */
  readonly cascade?: string;
  /** It replaces `${NAME}` in values. */
  readonly expands?: Expansion;
  /** The flag by which it does not. */
  readonly noExpansion?: string;
}

export const envFileReaders: Readonly<Record<string, EnvFileReader>> = {
  dotenv: { files: ["-e"], variables: ["-v"], cascade: "-c", expands: "all", noExpansion: "--no-expand" },
  "env-cmd": { files: ["-f", "--file"], others: ["-e", "--environments", "-r", "--rc-file"] },
  dotenvx: { files: ["-f", "--env-file"], variables: ["-e", "--env"], expands: "unless-single-quoted" },
};

/** A package's command that is a server, and that heddle runs as the app. */
export interface ServerCommand {
  /** The first argument by which it is a server; absent: always. */
  readonly verb?: string;
  /** What a build has made, without which it does not start. */
  readonly needs?: (args: readonly string[]) => string | undefined;
  /** A file that does the same, and is taken if it exists. */
  readonly better?: string;
}

export const serverCommands: Readonly<Record<string, ServerCommand>> = {
  next: { verb: "start", needs: () => ".next/BUILD_ID", better: ".next/standalone/server.js" },
  "react-router-serve": { needs: ([file]) => file },
  "remix-serve": { needs: ([file]) => file },
  fastify: { verb: "start" },
};

/** Commands that serve for development. What a build has made is to be served instead. */
export const developCommands: ReadonlySet<string> = new Set([
  "vite",
  "ng",
  "next",
  "nuxt",
  "nuxi",
  "astro",
  "nest",
  "react-router",
  "remix",
  "svelte-kit",
  "webpack",
  "nitro",
  "parcel",
  "vinxi",
  "qwik",
  "rsbuild",
  "rspack",
  "vike",
  "analog",
  "vue-cli-service",
  "react-scripts",
]);
