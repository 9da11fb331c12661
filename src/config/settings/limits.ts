/** What one client may send, and how slowly. Each limit is refused with the status named in its doc. */
export const limitSettings = {
  requestLineBytes: {
    flag: "limit-request-line",
    kind: "size",
    min: 256,
    default: "8KiB",
    doc: "Longest request line (method, target, version), else 414. Cannot be turned off.",
  },
  headerBytes: {
    flag: "limit-header",
    kind: "size",
    min: 256,
    default: "32KiB",
    doc: "Largest header block, else 431. Cannot be turned off.",
  },
  headerCount: {
    flag: "limit-headers",
    kind: "count",
    default: 100,
    placeholder: "N",
    doc: "Most headers in one request, else 431; 0 is no limit.",
  },
  headersTimeoutMs: {
    flag: "headers-timeout",
    kind: "duration",
    default: "10s",
    doc: "The headers must be complete this long after their first byte, else 408; 0 waits forever, which invites slow-header attacks.",
  },
  bodyIdleTimeoutMs: {
    flag: "body-idle-timeout",
    kind: "duration",
    default: "30s",
    doc: "How long a body may stand still, else 408; 0 waits forever.",
  },
  bodyMinRateBytes: {
    flag: "body-min-rate",
    kind: "size",
    default: "1KiB",
    placeholder: "BYTES/S",
    doc: "Slowest body in bytes per second, averaged and checked once the body idle timeout has passed, else 408; 0 is no minimum.",
  },
  bodyBufferBytes: {
    flag: "body-buffer",
    kind: "size",
    default: "1MiB",
    doc: "How much of a body is taken in before its request gets a handler thread (models threads and thread-per-request): a slow upload holds none till then. All but one of a pool's threads at most read larger ones at a time. 0 gives it one at once.",
  },
  bodyMemoryBytes: {
    flag: "body-memory",
    kind: "size",
    default: "64MiB",
    doc: "What a serving thread takes in of bodies before their requests get handler threads, all together; beyond it each has 64 KiB.",
  },
  bodyBytes: {
    flag: "limit-body",
    kind: "size",
    default: "1MiB",
    doc: "Largest request body, else 413; 0 is no limit.",
  },
  writeTimeoutMs: {
    flag: "write-timeout",
    kind: "duration",
    default: "30s",
    doc: "A connection whose client takes nothing of what was written for this long is closed; 0 waits forever. A response that waits for its source is not meant.",
  },
  requestsPerConnection: {
    flag: "limit-keep-alive",
    kind: "count",
    default: 1000,
    placeholder: "N",
    doc: "Requests on one connection before it is closed; 0 is no limit.",
  },
} as const;
