/** The concurrency model of handlers, and the number of workers and threads. */
export const modelSettings = {
  model: {
    flag: "model",
    short: "m",
    kind: "choice",
    choices: ["loop", "sync", "threads", "thread-per-request", "tasks", "actors"],
    default: "loop",
    doc: "How handlers run, unless their route sets another model: loop, sync, threads, thread-per-request, tasks or actors.",
  },
  workers: {
    flag: "workers",
    short: "w",
    kind: "count",
    min: 1,
    max: 1024,
    computed: "under loop without --threads, one for each available CPU (cgroup quota included); else 1",
    placeholder: "N",
    doc: "Worker processes. One with a single event loop runs the app on its main thread, as bare Node does.",
  },
  threads: {
    flag: "threads",
    short: "t",
    kind: "range",
    computed: "under loop 1; under threads and thread-per-request the available CPUs",
    doc: "Threads per worker: a number, or min:max for a pool that grows and shrinks. Several event loops in one worker need less memory than several workers.",
  },
  routeCase: {
    flag: "route-case",
    kind: "choice",
    choices: ["sensitive", "insensitive"],
    default: "sensitive",
    doc: "Whether paths in the route table are case-sensitive. Set it as in the app's own router: Express is case-insensitive by default.",
  },
  routeTrailingSlash: {
    flag: "route-trailing-slash",
    kind: "choice",
    choices: ["strict", "ignore"],
    default: "strict",
    doc: "Whether /report/ and /report are different paths in the route table. Set it as in the app's own router: Express ignores a trailing slash by default.",
  },
  threadIdleMs: {
    flag: "thread-idle",
    kind: "duration",
    default: "30s",
    doc: "How long a handler thread (models threads and thread-per-request) may be idle before it is ended, down to the min of --threads; 0 keeps them all.",
  },
  handlerMemoryBytes: {
    flag: "handler-memory",
    kind: "size",
    default: 0,
    doc: "Heap that a handler thread (models threads and thread-per-request) may use before it is ended and replaced; 0 is Node's own limit.",
  },
} as const;
