/** Settings for development. */
export const developSettings = {
  watch: {
    flag: "watch",
    kind: "boolean",
    default: false,
    doc: "Reload when a file of the app changes.",
  },
  configFile: {
    flag: "config",
    short: "c",
    kind: "path",
    notInFile: true,
    doc: "The config file. Without it, heddle.config.{ts,mts,js,mjs} in the working directory, if there is one.",
  },
} as const;
