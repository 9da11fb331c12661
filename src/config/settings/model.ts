/** Under which concurrency model handlers run, and how many of everything there are. */
export const modelSettings = {
  model: {
    flag: "model",
    short: "m",
    kind: "choice",
    choices: ["loop", "sync", "threads", "thread-per-request", "tasks", "actors"],
    default: "loop",
    doc: "How handlers run where no route says otherwise: loop, sync, threads, thread-per-request, tasks or actors.",
  },
  workers: {
    flag: "workers",
    short: "w",
    kind: "count",
    min: 1,
    max: 1024,
    default: 1,
    placeholder: "N",
    doc: "Worker processes.",
  },
  threads: {
    flag: "threads",
    short: "t",
    kind: "range",
    computed: "the CPUs available to the process, cgroup quota included",
    doc: "Threads per worker: a number, or min:max for a pool that grows and shrinks.",
  },
  routeCase: {
    flag: "route-case",
    kind: "choice",
    choices: ["sensitive", "insensitive"],
    default: "sensitive",
    doc: "Whether the routes of the route table tell upper from lower case in paths: as the app's own router does. Express does not, unless it is told to.",
  },
  routeTrailingSlash: {
    flag: "route-trailing-slash",
    kind: "choice",
    choices: ["strict", "ignore"],
    default: "strict",
    doc: "Whether /report/ is another path than /report in the route table: as in the app's own router. To Express it is the same, unless it is told otherwise.",
  },
  threadIdleMs: {
    flag: "thread-idle",
    kind: "duration",
    default: "30s",
    doc: "How long a handler thread (models threads and thread-per-request) may have nothing to do before it is let go, down to the min of --threads; 0 keeps them all.",
  },
  handlerMemoryBytes: {
    flag: "handler-memory",
    kind: "size",
    default: 0,
    doc: "Heap that a handler thread (models threads and thread-per-request) may use before it is ended and replaced; 0 is Node's own limit.",
  },
} as const;
