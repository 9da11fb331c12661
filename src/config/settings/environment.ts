/** Where the app runs. Every reload reads both again. */
export const environmentSettings = {
  chdir: {
    flag: "chdir",
    kind: "path",
    notInFile: true,
    doc: "The working directory: heddle looks for the app and the config file in it, and workers run in it. Each reload resolves its symbolic links again.",
  },
  envFiles: {
    flag: "env-file",
    // Node reads --env-file on any command line before heddle does, and exits with its own message if the file is missing.
    short: "E",
    kind: "paths",
    doc: "File with environment variables for the app's workers, in the format of node --env-file. Each reload reads it again. May be repeated (in the environment: separated by commas): the last file wins, and a variable that is already in the environment wins over all files. HEDDLE_* and PORT in it are settings.",
  },
} as const;
