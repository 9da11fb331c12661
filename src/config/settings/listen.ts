/** Where connections come from, and how they reach a worker. */
export const listenSettings = {
  host: {
    flag: "host",
    kind: "text",
    default: "127.0.0.1",
    placeholder: "HOST",
    doc: "Address or host name to listen on. 0.0.0.0 is every IPv4 interface, :: every interface.",
  },
  port: {
    flag: "port",
    short: "p",
    kind: "port",
    extraEnv: "PORT",
    default: 8000,
    placeholder: "PORT",
    doc: "TCP port to listen on; 0 lets the operating system pick a free one.",
  },
  listen: {
    flag: "listen",
    short: "l",
    kind: "addresses",
    placeholder: "ADDRESS",
    doc: "Listen here instead of on --host and --port; may be repeated (in the environment: separated by commas). A host:port, :port (every IPv4 interface), [::1]:port, unix:/path, unix:/path?mode=0660, or fd://3 for a socket that is already open.",
  },
  backlog: {
    flag: "backlog",
    kind: "count",
    min: 1,
    max: 65_535,
    default: 1024,
    placeholder: "N",
    doc: "Connections that the kernel queues while every worker is busy. The kernel's own limit (net.core.somaxconn) caps it.",
  },
  accept: {
    flag: "accept",
    kind: "choice",
    choices: ["auto", "handoff", "shared", "reuseport"],
    default: "auto",
    doc: "How connections reach several workers: shared (workers accept from one socket; those with one event loop pass connections on to workers that have fewer, others are uneven on Linux), handoff (the arbiter accepts, and gives each to the worker with the fewest), reuseport (one socket per worker, for very high connection rates; Linux). auto is shared for workers with one event loop, and handoff for others and on other systems.",
  },
  keepAliveMs: {
    flag: "keep-alive",
    kind: "duration",
    default: "5s",
    doc: "How long an idle connection stays open for its next request; 0 closes after every response.",
  },
  tlsCert: {
    flag: "tls-cert",
    kind: "path",
    doc: "Certificate chain in PEM form; needs --tls-key. With it, TCP listeners speak HTTPS.",
  },
  tlsKey: {
    flag: "tls-key",
    kind: "path",
    doc: "Private key in PEM form for --tls-cert.",
  },
  tlsTicketRotationMs: {
    flag: "tls-ticket-rotation",
    kind: "duration",
    default: "12h",
    doc: "How long one key encrypts the tickets with which clients resume TLS sessions on any worker; 0 keeps the key until the server restarts.",
  },
} as const;
