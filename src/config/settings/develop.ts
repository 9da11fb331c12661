/** Settings for development. */
export const developSettings = {
  watch: {
    flag: "watch",
    kind: "boolean",
    default: false,
    doc: "Reload when a file of the app changes.",
  },
  inspectPort: {
    flag: "inspect",
    kind: "port",
    placeholder: "PORT",
    doc: "Open Node's inspector in each worker, for a debugger, on 127.0.0.1: the first worker on this port, each other one on the next, or on any that is free; 0: all on any. Node prints the addresses. A worker that stands at a breakpoint would count as blocked, so --timeout is then 0 by default.",
  },
  configFile: {
    flag: "config",
    short: "c",
    kind: "path",
    notInFile: true,
    doc: "The config file. Without it, heddle.config.{ts,mts,cts,js,mjs,cjs} in the working directory, if there is one.",
  },
} as const;
