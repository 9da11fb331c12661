/** How long things may take, when a worker is replaced, and where a running server is found. */
export const lifecycleSettings = {
  timeoutMs: {
    flag: "timeout",
    kind: "duration",
    default: "30s",
    doc: "How long a handler may take to begin its response before the client gets a 504; 0 is no timeout.",
  },
  gracefulTimeoutMs: {
    flag: "graceful-timeout",
    kind: "duration",
    default: "30s",
    doc: "How long a worker that drains may take to finish its requests before it is killed; 0 kills at once. 2 s before the end, or a quarter of the timeout if that is less, the requests that are left are asked to end and then cut, so that `onStop` can run.",
  },
  stopDelayMs: {
    flag: "stop-delay",
    kind: "duration",
    default: "0s",
    doc: "How long a server that is told to stop keeps serving, with /readyz failing, before the stop begins. Load balancers use this time to stop sending connections.",
  },
  reload: {
    flag: "reload",
    kind: "choice",
    choices: ["start-first", "stop-first"],
    default: "start-first",
    doc: "`start-first`: a new generation boots beside the old one, and takes over when it is ready. `stop-first`: the old one ends before the new one boots, for an app that opens what only one process can have; connections wait meanwhile. The same holds when a single worker is recycled.",
  },
  bootTimeoutMs: {
    flag: "boot-timeout",
    kind: "duration",
    min: 1,
    default: "30s",
    doc: "How long a worker may take to load the app and be ready to answer.",
  },
  heartbeatTimeoutMs: {
    flag: "heartbeat-timeout",
    kind: "duration",
    default: "10s",
    doc: "A worker whose acceptor sends no heartbeat for this long is killed and replaced; less than 1s counts as 1s, and 0 turns it off.",
  },
  maxRequests: {
    flag: "max-requests",
    kind: "recycling",
    default: 0,
    doc: "Replace a worker after this many requests: N (varied by 10 %) or N:JITTER; 0 is never.",
  },
  maxMemoryBytes: {
    flag: "max-memory",
    kind: "size",
    default: 0,
    doc: "Replace a worker whose resident memory exceeds this; 0 is never.",
  },
  maxAgeMs: {
    flag: "max-age",
    kind: "duration",
    default: 0,
    doc: "Replace a worker that has served for this long, varied by 10 % so that workers are not all replaced at once; 0 is never.",
  },
  control: {
    flag: "control",
    kind: "control",
    doc: "Path of the control socket, or off. The default is a path in the user's runtime directory.",
  },
  pidFile: {
    flag: "pid-file",
    kind: "path",
    doc: "Write the arbiter's process id to this file.",
  },
} as const;
