/** Admission: how many requests run, how many wait, and for how long. */
export const gateSettings = {
  limit: {
    flag: "limit",
    kind: "count",
    default: 16_384,
    placeholder: "N",
    doc: "Requests that the whole server handles at once; others wait in the queue. 0 is no limit.",
  },
  queue: {
    flag: "queue",
    kind: "count",
    default: 1024,
    placeholder: "N",
    doc: "Requests that may wait in the queue; when it is full, a request is answered 503. 0 lets none wait.",
  },
  queueTimeoutMs: {
    flag: "queue-timeout",
    kind: "duration",
    default: "5s",
    doc: "How long a request may wait in the queue before it is answered 503; 0 is no limit.",
  },
} as const;
