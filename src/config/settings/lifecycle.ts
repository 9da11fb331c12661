/** How long things may take, when a worker is replaced, and where a running server is found. */
export const lifecycleSettings = {
  timeoutMs: {
    flag: "timeout",
    kind: "duration",
    default: "30s",
    doc: "How long a handler may take before the client gets a 504; 0 is no timeout.",
  },
  gracefulTimeoutMs: {
    flag: "graceful-timeout",
    kind: "duration",
    default: "30s",
    doc: "How long a worker that leaves may finish its requests before it is killed; 0 kills at once. What has not ended by 2 s before, or a quarter of it, is told to end and then cut, so that `onStop` runs.",
  },
  stopDelayMs: {
    flag: "stop-delay",
    kind: "duration",
    default: "0s",
    doc: "How long a server that is told to stop goes on serving, with /readyz failing, before the stop begins: for load balancers that need a moment.",
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
    doc: "A worker whose acceptor is silent for this long is killed and replaced; 0 turns it off.",
  },
  maxRequests: {
    flag: "max-requests",
    kind: "recycling",
    default: 0,
    doc: "Replace a worker after about this many requests: N (give or take 10 %) or N:JITTER; 0 never does.",
  },
  maxMemoryBytes: {
    flag: "max-memory",
    kind: "size",
    default: 0,
    doc: "Replace a worker whose resident memory grows beyond this; 0 never does.",
  },
  maxAgeMs: {
    flag: "max-age",
    kind: "duration",
    default: 0,
    doc: "Replace a worker that has served for about this long, give or take 10 % so that workers do not all go at once; 0 never does.",
  },
  control: {
    flag: "control",
    kind: "control",
    doc: "Path of the control socket, or off. By default it is in the user's runtime directory.",
  },
  pidFile: {
    flag: "pid-file",
    kind: "path",
    doc: "Write the arbiter's process id to this file.",
  },
} as const;
