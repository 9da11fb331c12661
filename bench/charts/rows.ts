/** The rows of the measured tables: each names a target of a scenario. */

export interface Row {
  readonly what: string;
  readonly scenario: string;
  readonly metric: string;
  readonly contender: string;
  readonly against?: string;
  /** A count is shown as it is, everything else as a ratio. */
  readonly counts?: boolean;
}

const requests = "requestsPerSecond";

/** `npm run bench:serve`. */
export const SERVE_ROWS: readonly Row[] = [
  ...["Watt × 2", "PM2 × 2", "bare, reusePort × 2"].map((against) => ({
    what: "hello world, 64 keep-alive connections",
    scenario: "hello-keepalive",
    metric: requests,
    contender: "heddle, 2 threads",
    against,
  })),
  {
    what: "the same as a `fetch` handler",
    scenario: "hello-fetch",
    metric: requests,
    contender: "heddle fetch, 2 threads",
    against: "bare, reusePort × 2",
  },
  ...["PM2 × 2", "bare, reusePort × 2"].map((against) => ({
    what: "a new connection for each request",
    scenario: "new-connections",
    metric: requests,
    contender: "heddle, 2 threads",
    against,
  })),
  {
    what: "10,000 clients, a handler that waits 1 s: share of the ideal",
    scenario: "waiting-10k",
    metric: "ofIdeal",
    contender: "heddle, 2 threads",
  },
  ...["Watt × 2", "PM2 × 2"].flatMap((against) =>
    [
      ["idleRssMiB", "resident memory, idle"],
      ["rssMiB", "resident memory, after load"],
    ].map(([metric = "", what = ""]) => ({
      what,
      scenario: "memory",
      metric,
      contender: "heddle, 2 threads",
      against,
    })),
  ),
  {
    what: "failed requests in ten reloads under mixed load",
    scenario: "reloads",
    metric: "failed",
    contender: "heddle, 2 threads",
    counts: true,
  },
  {
    what: "requests lost beyond those in flight, `kill -9` of a worker once a second",
    scenario: "kills",
    metric: "beyondInFlight",
    contender: "heddle, 2 workers",
    counts: true,
  },
];

/** `npm run bench:models`. */
export const MODELS_ROWS: readonly Row[] = [
  ...["(req, res)", "fetch"].map((shape) => ({
    what: `hello world through \`threads\`, \`${shape}\``,
    scenario: "hello-threads",
    metric: requests,
    contender: `${shape}, threads × 2`,
    against: `${shape}, loop × 2`,
  })),
  ...["express", "fastify"].map((shape) => ({
    what: `hello world through \`threads\`, ${shape}`,
    scenario: "frameworks-threads",
    metric: requests,
    contender: `${shape}, threads × 2`,
    against: `${shape}, loop × 2`,
  })),
  ...["(req, res)", "fetch"].flatMap((shape) =>
    [
      ["tasks × 2", "loop × 2"],
      ["actors × 2", "loop × 2"],
    ].map(([model = "", loop = ""]) => ({
      what: `hello world through \`${model.split(" ", 1)[0]}\`, \`${shape}\``,
      scenario: "hello-threads",
      metric: requests,
      contender: `${shape}, ${model}`,
      against: `${shape}, ${loop}`,
    })),
  ),
  ...["tasks", "actors"].map((model) => ({
    what: `5,000 clients, a handler that waits 50 ms, \`${model}\`: share of the ideal`,
    scenario: "waiting-5k",
    metric: "ofIdeal",
    contender: `heddle ${model} × 2`,
  })),
  {
    what: "a thread that is blocked for 500 ms once a second, `tasks`: p99 of the others",
    scenario: "stalls",
    metric: "p99Ms",
    contender: "heddle tasks × 2",
    against: "heddle loop × 2",
  },
  {
    what: "a handler that blocks 20 ms, 2 × 16 threads: share of the ideal",
    scenario: "blocking",
    metric: "ofIdeal",
    contender: "heddle threads, 2 × 16",
  },
  ...["Puma, 2 × 16", "gthread, 2 × 16"].map((against) => ({
    what: "the same: p99",
    scenario: "blocking",
    metric: "p99Ms",
    contender: "heddle threads, 2 × 16",
    against,
  })),
  {
    what: "a handler that computes 10 ms, 2 threads",
    scenario: "computing",
    metric: requests,
    contender: "heddle threads × 2",
    against: "heddle threads × 1",
  },
  {
    what: "the same, Gunicorn's threads",
    scenario: "computing",
    metric: requests,
    contender: "gthread × 2",
    against: "gthread × 1",
  },
  ...["p95Ms", "p99Ms"].flatMap((metric) =>
    ["node:cluster × 2", "heddle, idle"].map((against) => ({
      what: `light requests beside heavy ones on \`threads\`: ${metric.slice(0, 3)}`,
      scenario: "neighbours",
      metric,
      contender: "heddle, /cpu on threads",
      against,
    })),
  ),
  ...[2, 4].map((workers) => ({
    what: `a handler that blocks 20 ms, \`sync\` × ${workers}`,
    scenario: "sync",
    metric: "ofIdeal",
    contender: `heddle sync × ${workers}`,
    against: `Gunicorn sync × ${workers}`,
  })),
  {
    what: "an endless loop in 1 of 1,000 requests: p99 of the others",
    scenario: "runaways",
    metric: "p99Ms",
    contender: "1 in 1,000 never ends",
    against: "without",
  },
];

/** `npm run bench:sockets`. */
export const SOCKETS_ROWS: readonly Row[] = [
  {
    what: "15,000 idle WebSockets, an actor each: bytes of one",
    scenario: "idle",
    metric: "userBytes",
    contender: "heddle actors × 1",
    counts: true,
  },
  {
    what: "a broadcast to 15,000 in a room: messages a second",
    scenario: "broadcast",
    metric: "messagesPerSecond",
    contender: "heddle actors × 2",
    against: "plain ws × 1",
  },
  {
    what: "the same: p99 from sending to receiving",
    scenario: "broadcast",
    metric: "p99Ms",
    contender: "heddle actors × 2",
    against: "plain ws × 1",
  },
  {
    what: "WebSockets that several workers hold together",
    scenario: "hold",
    metric: "held",
    contender: "heddle actors, 8 workers",
    counts: true,
  },
];
