/** What one client may send, and how slowly. The doc of each limit names the status of a request that exceeds it. */
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
    doc: "How long no byte of a body may arrive, else 408; 0 waits forever, however slow the body is.",
  },
  bodyMinRateBytes: {
    flag: "body-min-rate",
    kind: "size",
    default: "1KiB",
    placeholder: "BYTES/S",
    doc: "Lowest average rate of a body in bytes per second, else 408; checked after the body idle timeout has passed, and never if that is 0. 0 is no minimum.",
  },
  bodyBufferBytes: {
    flag: "body-buffer",
    kind: "size",
    default: "1MiB",
    doc: "How much of a body is buffered before its request gets a handler thread (models threads and thread-per-request), so that a slow upload occupies no thread. At most all but one of a pool's threads read larger bodies at the same time. With 0 a request gets its thread at once.",
  },
  bodyMemoryBytes: {
    flag: "body-memory",
    kind: "size",
    default: "64MiB",
    doc: "How much a serving thread buffers in total of bodies whose requests wait for a handler thread; beyond that, each body gets 64 KiB.",
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
    doc: "A connection is closed if its client reads nothing of what was written for this long; 0 waits forever. Time in which the app writes nothing does not count.",
  },
  requestsPerConnection: {
    flag: "limit-keep-alive",
    kind: "count",
    default: 1000,
    placeholder: "N",
    doc: "Requests on one connection before it is closed; 0 is no limit.",
  },
} as const;
