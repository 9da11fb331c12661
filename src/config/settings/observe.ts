/** Logs, debug headers and health checks. */
export const observeSettings = {
  logFormat: {
    flag: "log-format",
    kind: "choice",
    choices: ["pretty", "json"],
    computed: "pretty on a terminal, else json",
    doc: "How log lines look: pretty for people, json for machines.",
  },
  logLevel: {
    flag: "log-level",
    kind: "choice",
    choices: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    default: "info",
    doc: "The least severe message that is logged: trace, debug, info, warn, error, fatal or silent.",
  },
  accessLog: {
    flag: "access-log",
    kind: "boolean",
    default: false,
    doc: "Log every request.",
  },
  serverTiming: {
    flag: "server-timing",
    kind: "boolean",
    default: false,
    doc: "Add a Server-Timing header with the time spent waiting and in the handler.",
  },
  debugHeaders: {
    flag: "debug-headers",
    kind: "boolean",
    default: false,
    doc: "Add x-heddle-worker, x-heddle-thread and x-heddle-model to every response.",
  },
  blockedThresholdMs: {
    flag: "blocked-threshold",
    kind: "duration",
    default: "100ms",
    doc: "Report a handler that blocks its event loop for longer than this, with its stack; 0 turns it off.",
  },
  runawayBudget: {
    flag: "runaway-budget",
    kind: "runaways",
    default: "actors=kill:1s,tasks=warn:1s",
    doc: "How long an actor or a task may compute without awaiting, and what is done then: off, warn (it is reported), or kill (an actor is ended, alone). A time without a word is kill. A value without actors= or tasks= is for both; tasks are reported instead of ended.",
  },
  healthPort: {
    flag: "health-port",
    kind: "port",
    placeholder: "PORT",
    doc: "Answer health checks (/livez and /readyz) on this port. Off by default.",
  },
  healthHost: {
    flag: "health-host",
    kind: "text",
    default: "127.0.0.1",
    placeholder: "HOST",
    doc: "Address the health port listens on. Probes of Kubernetes and load balancers come from outside: they need 0.0.0.0 or ::.",
  },
} as const;
