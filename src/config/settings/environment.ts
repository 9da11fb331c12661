/** Where the app runs: both are looked at anew by every reload. */
export const environmentSettings = {
  chdir: {
    flag: "chdir",
    kind: "path",
    notInFile: true,
    doc: "The working directory: where the app and the config file are looked for, and where workers run. Symbolic links in it are followed anew at each reload.",
  },
  envFiles: {
    flag: "env-file",
    // Node ends with a message of its own if a file that --env-file names, on whatever command line, is not there.
    short: "E",
    kind: "paths",
    doc: "Environment variables for the app's workers, in the notation of node --env-file; read anew at each reload. May be repeated (in the environment: separated by commas), and the last one wins; what is in the environment already comes before all of them. HEDDLE_* and PORT in it are settings.",
  },
} as const;
