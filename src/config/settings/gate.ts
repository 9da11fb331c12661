/** Admission: how many requests run, how many wait, and for how long. */
export const gateSettings = {
  limit: {
    flag: "limit",
    kind: "count",
    default: 16_384,
    placeholder: "N",
    doc: "Requests handled at once by the whole server; more wait in the queue. 0 is no limit.",
  },
  queue: {
    flag: "queue",
    kind: "count",
    default: 1024,
    placeholder: "N",
    doc: "Requests that may wait for their turn; beyond it a request is answered 503. 0 lets none wait.",
  },
  queueTimeoutMs: {
    flag: "queue-timeout",
    kind: "duration",
    default: "5s",
    doc: "How long a request may wait for its turn before it is answered 503; 0 waits as long as it takes.",
  },
} as const;
