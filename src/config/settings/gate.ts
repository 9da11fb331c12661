/** Admission: how many requests run, how many wait, and for how long. */
export const gateSettings = {
  limit: {
    flag: "limit",
    kind: "limit",
    default: 16_384,
    placeholder: "N|adaptive",
    doc: "Requests that the whole server handles at once; others wait in the queue. 0 is no limit. adaptive finds the limit while the server runs; adaptive:SEED begins with the knee that heddle tune has measured, adaptive:SEED:MAX also has a cap (otherwise twice the seed).",
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
