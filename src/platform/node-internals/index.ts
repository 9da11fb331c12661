/**
 * What heddle uses of Node that Node does not document, and what of Node's it replaces. The files of this folder are the only
 * ones that touch any of it (`scripts/check-internals.ts`); everybody else calls their functions.
 *
 *   handles.ts            libuv's handles behind sockets and servers
 *   listening.ts          `listen` replaced, and servers that only believe that they listen
 *   datagrams.ts          `bind` of UDP sockets replaced, and their state
 *   connections.ts        what node:http's server does with a connection
 *   http-channels.ts      node:http's diagnostics channels, held back
 *   requests.ts           IncomingMessage: made by hand, and what of it is replaced
 *   responses.ts          ServerResponse: its head, its connection's end, its stream
 *   response-steps.ts     the steps by which a response is sent, replaced
 *   terminated.ts         callbacks of Node that are terminated: where they were entered, what is left behind
 *   inspected-threads.ts  which thread the inspector means
 *   moved-channel.ts      a process's IPC channel on another thread than the main one
 *   warnings.ts           Node's warnings about what heddle uses knowingly
 *
 * `probe/` tries each before a worker serves, and says by name what this Node
 * lacks. The table below is what its messages are made of, and the reference page.
 *
 * Imported by the probe and by scripts only. Who needs a function imports its file: some of them load node:http, which not
 * every thread has.
 */

export interface Internal {
  /** As messages call it. */
  readonly name: string;
  /** What may stand nowhere else in src/: a word, or a call. */
  readonly words: readonly string[];
  /** In this folder. */
  readonly file: string;
  readonly use: string;
  readonly without: string;
  /** The oldest Node it was seen in. None older was tried. */
  readonly since: string;
  /** heddle goes on without it, and says `without` in a warning. */
  readonly isSpared: boolean;
  /** Why it is not tried at boot. */
  readonly untried?: string;
}

/** As `engines` in package.json has it, and for the same reason: docs/decisions/node-internals.md. */
export const SUPPORTED = ">=26.6 <27";

const FIRST_TRIED = "26.6.0";

type Given = Pick<Internal, "use" | "without"> & Partial<Internal>;

function of(file: string, internals: Readonly<Record<string, Given>>): Internal[] {
  return Object.entries(internals).map(([name, given]) => ({
    name,
    file,
    since: FIRST_TRIED,
    isSpared: false,
    words: [],
    ...given,
  }));
}

export const internals: readonly Internal[] = [
  ...of("handles.ts", {
    "Socket._handle": {
      words: ["_handle"],
      use: "the connection as it crosses to another process, and its descriptor",
      without: "no connection could be given to another thread or worker",
    },
    "handle.fd": {
      use: "the descriptor that a thread adopts, and that the kernel is asked about",
      without: "connections could not be copied for another thread, nor seen to be given up",
    },
    "handle.onconnection": {
      words: ["onconnection"],
      use: "passes a connection on before a socket is made for it",
      without: "a serving thread keeps every connection that it accepts, however many it has",
      isSpared: true,
    },
    "handle.writeQueueSize": {
      words: ["writeQueueSize"],
      use: "how much of a response the kernel has not taken",
      without: "a client that takes nothing of its response is not found, and --write-timeout has no effect",
      isSpared: true,
    },
    "handle.bytesWritten": {
      use: "how much of a response the kernel has taken",
      without: "a client that takes its response in small pieces may be taken for one that takes nothing",
      isSpared: true,
    },
    "new Socket({ handle })": {
      words: ["pauseOnCreate"],
      use: "the socket of a connection that has crossed, of which nothing is read yet",
      without: "a connection from another process could not be served",
    },
    "process.send(…, handle)": {
      use: "gives a connection to another process without reading from it",
      without: "several workers with --accept handoff, and sync, could not be given connections",
      untried: "it takes two processes; without it `send` throws, before anything is read of the connection",
    },
  }),
  ...of("moved-channel.ts", {
    "child_process._forkChild": {
      words: ["_forkChild", "NODE_CHANNEL_FD"],
      use: "opens the channel to the arbiter on the watch thread, beside an app on its worker's main thread",
      without: "an app runs on a serving thread, also with --threads 1",
      isSpared: true,
      untried: "it takes two processes; the arbiter looks whether it is there",
    },
  }),
  ...of("listening.ts", {
    "Server.listen": {
      use: "captures the server of an app that listens by itself; a thread that runs only tasks does not listen",
      without: "such an app would open its own port",
    },
    "Server._handle": {
      words: ["_pipeName"],
      use: "a stand-in, by which a captured server believes that it listens",
      without: "`listening`, `address()` and `close()` of such an app's server would be wrong",
    },
  }),
  ...of("datagrams.ts", {
    "dgram.Socket: state": {
      words: ["bindState", "recvStop"],
      use: "gives the UDP sockets of an app to all of its copies",
      without: "a second copy of an app that binds a UDP port fails with EADDRINUSE",
      isSpared: true,
    },
  }),
  ...of("connections.ts", {
    "http.Server: listening": {
      use: "has a server that never listens look after its connections",
      without: "late headers would have no limit, and idle connections would not be closed",
    },
    "http.Server.emit": {
      use: "replaced: instrumentation does not see what heddle's own server emits, but what the app gets",
      without: "instrumentation sees requests that the app does not get, and others twice",
      isSpared: true,
    },
    "http.Server.httpAllowHalfOpen": {
      words: ["httpAllowHalfOpen"],
      use: "the end of the client's side does not end ours",
      without: "a client that ends its side with its request would get no answer",
    },
    "http._connectionListener": {
      words: ["_connectionListener"],
      use: "reads a request once more that offered an upgrade nobody wants",
      without: "such a connection would be closed without an answer",
    },
    "socket._httpMessage": {
      words: ["_httpMessage"],
      use: "the response that has the connection now",
      without: "a refusal could be written into the middle of another response",
    },
    "socket.parser.incoming": {
      words: [".parser"],
      use: "the request that broken input belongs to",
      without: "a body that breaks would be answered twice",
    },
    "parser.finish": {
      use: "whether the client is in the middle of a request",
      without: "a client that still sends could lose the last answer to a reset",
    },
    "socket._paused": {
      words: ["_paused"],
      use: "whether node:http has paused the connection, because responses wait for the client",
      without: "over TLS, requests behind a response that its client does not read yet could be refused",
      isSpared: true,
      untried: "it takes TLS, and a client that does not read",
    },
    "parser.resume": {
      words: ["parser?.resume("],
      use: "reads on from a connection that node:http has paused",
      without: "a client that does not read could lose its last answer to a reset",
      isSpared: true,
      untried: "it takes a client that does not read",
    },
    "socket.server": {
      words: ["Carried).server ="],
      use: "replaced: an app finds its own server there, as under `node`",
      without: "what an app attaches to that server (`new Server(res.socket.server)`) gets nothing",
      isSpared: true,
      untried: "the app reads it",
    },
    "socket.destroySoon": {
      words: ["stream.destroySoon ="],
      use: "replaced: how a connection ends behind its last answer",
      without: "a client that still sends could lose the last answer to a reset",
    },
    "socket.destroy": {
      words: ["stream.destroy ="],
      use: "replaced: how a connection ends when a response is broken off",
      without: "answers that are still on their way would be lost with it",
    },
    "socket.write": {
      words: ["stream.write ="],
      use: "replaced until the first write: whether a WebSocket's handshake was accepted, and the cookie of --sticky in it",
      without: "WebSockets would not be counted, get no close frame when the server drains, and set no cookie",
      untried: "the app calls it, and not Node",
    },
  }),
  ...of("app-servers.ts", {
    "tls.Server: secureConnection": {
      words: ["nodesListener"],
      use: "replaced on an app's own https or HTTP/2 server: its HTTP/1 requests go through heddle's parser",
      without: "an app with such a server does not start",
      isSpared: true,
      untried: "it loads TLS; whoever needs it finds out while the app boots",
    },
    "http.Server: the options of messages": {
      words: ['"joinDuplicateHeaders"'],
      use: "the classes of requests and responses that an app has given to createServer, and what else shapes them",
      without: "apps get node:http's own classes, and headers in their usual form",
      isSpared: true,
      untried: "the app sets them, and not Node",
    },
    "http.Server.shouldUpgradeCallback": {
      words: ["shouldUpgradeCallback?:"],
      use: "which upgrades an app's server takes",
      without: "it gets all of them",
      isSpared: true,
      untried: "the app sets it, and not Node",
    },
    "http2: the fields of allowHTTP1": {
      words: ['"headersTimeout" in'],
      use: "whether an app's HTTP/2 server also takes HTTP/1",
      without: "its clients of HTTP/1 are refused",
      isSpared: true,
      untried: "it loads HTTP/2",
    },
  }),
  ...of("http2-streams.ts", {
    "the methods of Http2Stream": {
      words: [],
      use: "replaced: heddle's headers are added, bodies are counted, and what a handler does when it was answered for goes nowhere",
      without: "requests of HTTP/2 would have no limit on their bodies, and late handlers would throw",
      isSpared: true,
      untried: "it loads HTTP/2; the app calls them, and not Node",
    },
  }),
  ...of("http-channels.ts", {
    "Channel.publish": {
      words: ['"publish"'],
      use: "replaced: node:http announces only requests that the app gets, on the thread where it gets them",
      without: "instrumentation sees requests that the app does not get, and others twice",
      isSpared: true,
    },
  }),
  ...of("requests.ts", {
    "new IncomingMessage": {
      words: ["new http.IncomingMessage"],
      use: "the request of a handler on a handler thread",
      without: "the models threads and thread-per-request could not run",
    },
    "IncomingMessage._addHeaderLines": {
      words: ["_addHeaderLines"],
      use: "fills such a request's headers and trailers",
      without: "handlers on handler threads would see no headers",
    },
    "IncomingMessage._consuming": {
      words: ["_consuming"],
      use: "a body that is read somewhere else is not dropped",
      without: "the rest of a body would be lost when the response ends",
    },
    "IncomingMessage._dumped": {
      words: ["_dumped"],
      use: "drops the rest of a body that nobody reads",
      without: "the connection would wait for ever before its next request",
    },
    "IncomingMessage._read": {
      words: ["._read ="],
      use: "replaced: fetches a body from the serving thread",
      without: "handlers on handler threads would wait for their bodies for ever",
    },
    "IncomingMessage._destroy": {
      words: ["._destroy ="],
      use: "replaced: ends the app's view of a body and leaves the connection",
      without: "a refused upload would have its connection cut before the client has read why",
    },
    "IncomingMessage.headers": {
      use: "replaced: an app sees the offer to upgrade that was taken out",
      without: "it would see headers that the client has not sent",
    },
    "IncomingMessage.push": {
      words: ["req.push ="],
      use: "replaced: counts a body as it arrives",
      without: "bodies would have no limit",
    },
    "IncomingMessage.signal": {
      words: ['"signal", {'],
      use: "replaced: aborts on a timeout too",
      without: "a handler would not hear that its request has timed out",
    },
    "Readable.readingMore": {
      words: ["_readableState", "readingMore"],
      use: "lets a body that was fetched be read ahead",
      without: "every chunk of a body would wait for the one before it",
    },
    "Readable.resumeScheduled": {
      words: ["resumeScheduled"],
      use: "whether somebody is about to read a body",
      without: "a body could be lost that the app has just begun to read",
    },
    "Readable.highWaterMark": {
      use: "keeps a body until its handler thread has come",
      without: "uploads would hold handler threads while they arrive",
    },
  }),
  ...of("responses.ts", {
    "new ServerResponse": {
      words: ["?? http.ServerResponse"],
      use: "the response of a handler on a handler thread",
      without: "the models threads and thread-per-request could not run",
    },
    "ServerResponse._header": {
      words: ["_header"],
      use: "the text of the head: declared, looked at, revised; whether it shows where the response ends",
      without: "a response could have two heads",
    },
    "ServerResponse._headerSent": {
      words: ["_headerSent"],
      use: "whether the head is out",
      without: "a response could have two heads",
    },
    "ServerResponse._hasBody": {
      words: ["_hasBody"],
      use: "whether what is written is sent",
      without: "responses to HEAD would be taken for cut ones, and those of handler threads could lose their bodies",
    },
    "ServerResponse._contentLength": {
      words: ["_contentLength"],
      use: "the length of a body that came whole",
      without: "every response with a content-length would be counted as it is written",
    },
    "ServerResponse._last": {
      words: ["_last"],
      use: "whether the connection ends with the response",
      without:
        "a connection would go on behind a response that is too short, and the next one would be read as its rest",
    },
    "ServerResponse._sent100": {
      words: ["_sent100"],
      use: "whether a client that waits for leave to send its body was given it",
      without: "the time limits of a body would count before the client may send it",
    },
    "ServerResponse._closed": {
      words: ["_closed"],
      use: "marks a response of a handler thread as closed",
      without: "whoever asks such a response for its end would wait for it for ever",
    },
    "ServerResponse._keepAliveTimeout": {
      words: ["_keepAliveTimeout"],
      use: "tells the client how long its connection is kept",
      without: "clients would reuse connections that are about to be closed",
    },
    "ServerResponse._writeRaw": {
      words: ["_writeRaw"],
      use: "interim responses: written as they are, and kept until the response's turn",
      without: "an interim response could stand behind the head",
    },
    "ServerResponse[kOutHeaders]": {
      words: ["kOutHeaders", "getOwnPropertySymbols"],
      use: "the headers that were set, without copying them",
      without: "framing headers that contradict each other would be sent",
    },
    "ServerResponse[kNeedDrain]": {
      words: ["kNeedDrain"],
      use: "a response of a handler thread does not wait for its socket any more",
      without: "an app's `drain` event may come once too often",
      isSpared: true,
    },
    "ServerResponse.shouldKeepAlive": {
      words: ["shouldKeepAlive"],
      use: "whether the connection goes on, before the head is made",
      without: "a draining server's clients would not be told",
    },
    "ServerResponse.chunkedEncoding": {
      words: ["chunkedEncoding"],
      use: "not set on a response whose bytes are framed already",
      without: "a response of a handler thread could be framed twice",
    },
    "ServerResponse.useChunkedEncodingByDefault": {
      words: ["useChunkedEncodingByDefault"],
      use: "no chunks for HTTP/1.0",
      without: "a client of HTTP/1.0 would get chunks, which it takes for the body",
    },
    "ServerResponse.assignSocket": {
      words: ["assignSocket"],
      use: "the stream that a response of a handler thread writes to",
      without: "the models threads and thread-per-request could not run",
    },
    "ServerResponse.detachSocket": {
      words: ["detachSocket"],
      use: "parts a response from its stream",
      without: "an app could write to the connection's next response",
    },
    "ServerResponse: socket": {
      words: ['once("socket"'],
      use: "the turn of a pipelined response has come",
      without: "what waits for its turn would wait for ever",
    },
    "ServerResponse: prefinish": {
      words: ["prefinish"],
      use: "the end of a handler thread's response leaves before its handler goes on",
      without: "a handler that blocks behind its answer would hold the answer back",
    },
    "ServerResponse.socket": {
      use: "replaced: takes the connection out of the reach of a handler that was answered for",
      without: "a handler that is late could cut the connection under the next request",
    },
    "ServerResponse.writeHead": {
      words: ["res.writeHead ="],
      use: "replaced: what is said in the head is decided when it is made",
      without: "--server-timing, and the announced end of a connection, would be missing",
    },
    "the methods of ServerResponse": {
      use: "replaced: what a handler still writes when it was answered for goes nowhere",
      without: "it would throw into the app",
      untried: "the app calls them, and not Node",
    },
  }),
  ...of("response-steps.ts", {
    "ServerResponse._storeHeader": {
      words: ["_storeHeader"],
      use: "replaced: settles the headers that say where a response ends",
      without: "the client and the server could disagree on where a response ends",
    },
    "ServerResponse._send": {
      words: ["_send"],
      use: "replaced: counts a body against its content-length",
      without: "the rest of a body that is too long would be read as the next response",
    },
    "ServerResponse._finish": {
      words: ["_finish"],
      use: "replaced: finds a body that is too short",
      without: "the next response would be read as the rest of one that is too short",
    },
    "ServerResponse.writeInformation": {
      words: [".writeInformation ="],
      use: "replaced: HTTP/1.0 gets no interim responses",
      without: "a client of HTTP/1.0 would take one for its answer",
    },
  }),
  ...of("terminated.ts", {
    "Immediate: its list": {
      words: ["_idleNext", "_idlePrev", "_onImmediate", "_destroyed"],
      use: "the immediates behind one whose callback is terminated, which Node would lose",
      without: "an actor that computes without end in the callback of an immediate is not ended alone",
      isSpared: true,
    },
    "node:internal: emitAfter": {
      words: ["emitAfter(asyncId)"],
      use: "takes the async id of a callback off Node's stack before it is terminated",
      without: "the stack keeps it; the flag --no-force-async-hooks-checks keeps Node from ending the process for it",
      isSpared: true,
      untried: "it takes a second thread, which pauses this one",
    },
    "node:internal/timers: names in stacks": {
      words: ["processTimers", "processImmediate", "node:internal/process/task_queues"],
      use: "whether terminating the running code drops what others have queued",
      without: "a thread is replaced more often than necessary after an actor was ended",
      isSpared: true,
    },
  }),
  ...of("inspected-threads.ts", {
    "inspector: title of a thread": {
      words: [String.raw`\[worker (\d+)\]`],
      use: "finds the blocked thread among those that the inspector tells of",
      without: "the stack of a blocked thread is not in its report, and no single actor can be ended",
      isSpared: true,
      untried: "it takes a second thread; whoever looks for one says it",
    },
  }),
  ...of("warnings.ts", {
    "process.emitWarning": {
      words: ['"emitWarning"'],
      use: "replaced while node:ffi and the app are loaded: no warning that node:ffi is experimental, none that heddle's own error explains",
      without: "the warnings are printed",
      isSpared: true,
      untried: "nothing depends on it",
    },
  }),
  ...of("../native.ts", {
    "node:ffi": {
      words: ['"node:ffi"'],
      use: "system calls that Node has no API for",
      without:
        "each worker's main thread accepts for its serving threads, Unix sockets are refused, " +
        "and clients that leave while they wait are not noticed",
      since: "26.10.0",
      isSpared: true,
    },
  }),
];
