/**
 * The trials on connections to this thread itself, through a private Unix socket. They are served by an http.Server that does
 * not listen, like heddle's own.
 *
 *   handed       a connection that is taken before there is a socket for it
 *   pipelined    three requests at once; each answer is sent in another of heddle's ways
 *   half-closed  an upgrade request that is parsed again without its offer; its client ends its side before the answer
 *   unfinished   a request whose body does not come, on a connection that the server then closes
 */
// oxlint-disable no-underscore-dangle -- node:http's names

import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { connect, createServer, type Server as NetServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { http } from "../../http.ts";
import {
  allowHalfOpen,
  isWithinRequest,
  keepToItself,
  parseOn,
  replaceEndings,
  requestOn,
  responseOn,
  serveWithoutListening,
} from "../connections.ts";
import { descriptorOf, handleOf, outputOf, type RawHandle, takeHandles, unread } from "../handles.ts";
import type { Findings, See } from "./probe.ts";
import { dropBody, isBodyDropped, replacePush } from "../requests.ts";
import { replaceSteps } from "../response-steps.ts";
import {
  beforeHead,
  bytesOfEnd,
  declareHead,
  divertInterim,
  endsConnection,
  headersSetOn,
  headOf,
  keepsConnection,
  reviseHead,
  setKeepsConnection,
  writeRaw,
} from "../responses.ts";

/** A trial takes a millisecond. Counted in turns of the loop, because a machine may pause or sleep. */
const PATIENCE_TURNS = 100;
const TURN_MS = 100;

const EARLY_HINTS = "HTTP/1.1 103 Early Hints\r\n\r\n";
const DECLARED = "HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\n";

/** @throws Error this thread can't listen, or can't connect to itself */
export async function tryConnections(findings: Findings, see: See): Promise<void> {
  await new Connections(findings, see).try();
}

interface Client {
  readonly socket: Socket;
  readonly text: Promise<string>;
}

class Connections {
  readonly #findings: Findings;
  readonly #see: See;
  readonly #listening: NetServer = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  readonly #server: Server = http.createServer({ keepAliveTimeout: 0, requireHostHeader: false });
  readonly #sockets = new Set<Socket>();

  constructor(findings: Findings, see: See) {
    this.#findings = findings;
    this.#see = see;
    findings.try("http.Server.emit", () => {
      keepToItself(see(this.#server));
      return Object.hasOwn(this.#server, "emit");
    });
  }

  async try(): Promise<void> {
    let turns = 0;
    const timer = setInterval(() => {
      // What was not seen to work by now does not work.
      if (++turns === PATIENCE_TURNS) this.#close();
    }, TURN_MS);
    try {
      await once(this.#listening.listen(pathOf(`heddle-probe-${process.pid}-${Math.random()}`)), "listening");
      await this.#tryHanded();
      this.#serve();
      await Promise.all([this.#tryPipelined(), this.#tryHalfClosed()]);
      await this.#tryUnfinished();
    } finally {
      clearInterval(timer);
      this.#close();
    }
  }

  #close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#listening.close();
    this.#server.close();
  }

  #connect(text: string): Client {
    const socket = connect({ path: this.#listening.address() as string });
    this.#keep(socket);
    let received = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => (received += chunk));
    socket.write(text, "latin1");
    return { socket, text: closed(socket).then(() => received) };
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket.on("error", () => {}));
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #serve(): void {
    this.#findings.try("http.Server.httpAllowHalfOpen", () => {
      allowHalfOpen(this.#see(this.#server));
      return true;
    });
    // Seen at the end: a server that does not track connections can't close them.
    this.#findings.try("http.Server: listening", () => {
      serveWithoutListening(this.#see(this.#server));
      return true;
    });
    this.#listening.on("connection", (socket) => {
      this.#keep(socket);
      this.#server.emit("connection", socket);
      socket.resume();
    });
    this.#server.on("clientError", (_error, stream) => stream.destroy());
  }

  /** Serves the requests to a path. A fault of the trial ends its connection, and so the trial. */
  #answer(path: string, handle: (req: IncomingMessage, res: ServerResponse) => void): void {
    this.#server.on("request", (req: IncomingMessage, res: ServerResponse) => {
      if (req.url === path) endIfFaulty(req.socket, () => handle(req, res));
    });
  }

  async #tryHanded(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<RawHandle>();
    let isShown = false;
    takeHandles(this.#see(this.#listening), (handle) => {
      if (isShown) return false;
      isShown = true;
      resolve(handle);
      return true;
    });
    this.#listening.once("connection", (accepted: Socket) => {
      this.#keep(accepted);
      resolve(handleOf(accepted)!);
    });
    const client = this.#connect("x");
    const handle = await Promise.race([promise, client.text]);
    this.#listening.removeAllListeners("connection");
    this.#findings.try("handle.onconnection", () => isShown);
    this.#findings.try("new Socket({ handle })", () => {
      const socket = unread({ handle: handle as RawHandle });
      this.#keep(socket);
      return socket.readyState === "open" && socket.isPaused() && socket.bytesRead === 0;
    });
    client.socket.destroy();
    await client.text;
  }

  async #tryPipelined(): Promise<void> {
    const findings = this.#findings;
    const see = this.#see;
    const requests: [IncomingMessage, ServerResponse][] = [];
    this.#answer("/pipelined/1", (req, res) => {
      requests.push([req, res]);
      this.#lookAt(req, res);
      client.socket.write(
        "okGET /pipelined/2 HTTP/1.1\r\n\r\nPOST /pipelined/3 HTTP/1.1\r\nContent-Length: 1\r\n\r\n!",
      );
    });
    this.#answer("/pipelined/2", (req, res) => void requests.push([req, res]));
    let isBodySeen = false;
    this.#answer("/pipelined/3", (req, res) => {
      requests.push([req, res]);
      findings.try("IncomingMessage._dumped", () => {
        const was = isBodyDropped(see(req));
        dropBody(see(req));
        return !was && isBodyDropped(see(req));
      });
      replacePush(req, (chunk) => {
        isBodySeen ||= chunk !== null;
        return true;
      });
      const [[, first], [, second]] = requests as [
        [IncomingMessage, ServerResponse],
        [IncomingMessage, ServerResponse],
      ];
      setImmediate(endIfFaulty, req.socket, () => {
        this.#answerFirst(first);
        this.#answerDeclared(second);
        this.#answerLast(req, res);
      });
    });
    const client = this.#connect("POST /pipelined/1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n");
    const text = await client.text;
    findings.try("IncomingMessage._dumped", () => !isBodySeen);
    this.#judge(text);
  }

  /** The first request, before its body has come. */
  #lookAt(req: IncomingMessage, res: ServerResponse): void {
    const findings = this.#findings;
    const see = this.#see;
    const { socket } = req;
    findings.try("Socket._handle", () => typeof handleOf(see(socket)) === "object");
    findings.try("handle.fd", () => descriptorOf(see(socket)) >= 0);
    findings.try("socket._httpMessage", () => responseOn(see(socket)) === res);
    findings.try("socket.parser.incoming", () => requestOn(see(socket)) === req);
    replacePush(see(req), (chunk, encoding) => {
      if (chunk !== null) findings.seen("IncomingMessage.push");
      return Readable.prototype.push.call(req, chunk, encoding);
    });
    replaceEndings(see(socket), {
      destroySoon() {
        findings.seen("socket.destroySoon");
        this.end();
      },
      // oxlint-disable-next-line typescript/unbound-method -- called with the socket as `this`
      destroy: Socket.prototype.destroy,
    });
    replaceSteps(
      (original) => ({
        storeHeader(firstLine, headers) {
          findings.try("ServerResponse._storeHeader", () => firstLine.startsWith("HTTP/1.1 200"));
          original.storeHeader.call(this, firstLine, headers);
        },
        send(...args) {
          findings.seen("ServerResponse._send");
          return original.send.apply(this, args);
        },
        finish() {
          findings.seen("ServerResponse._finish");
          original.finish.call(this);
        },
        writeInformation(...args) {
          findings.seen("ServerResponse.writeInformation");
          return original.writeInformation.apply(this, args);
        },
      }),
      see(res),
    );
    findings.try("ServerResponse._writeRaw", () => {
      let diverted = 0;
      const stop = divertInterim(see(res), () => diverted++);
      res.writeProcessing();
      stop();
      writeRaw(see(res), EARLY_HINTS, "latin1");
      return diverted === 1;
    });
  }

  /** The head is revised after it is made and before it is sent. */
  #answerFirst(res: ServerResponse): void {
    const findings = this.#findings;
    const seen = this.#see(res);
    const isHeadSent = (): unknown => (seen as unknown as { readonly _headerSent: unknown })._headerSent;
    findings.try("ServerResponse._header", () => headOf(seen) === null);
    findings.try("ServerResponse.shouldKeepAlive", () => keepsConnection(seen));
    res.setHeader("X-Probe", "1");
    findings.try("ServerResponse[kOutHeaders]", () => "x-probe" in headersSetOn(seen)!);
    res.writeHead(200);
    findings.try("ServerResponse._header", () => headOf(seen)!.startsWith("HTTP/1.1 200 OK\r\n"));
    findings.try("ServerResponse._headerSent", () => isHeadSent() === false);
    findings.try("ServerResponse._last", () => !endsConnection(seen));
    findings.try("ServerResponse._header", () => {
      reviseHead(seen, (head) => head.replace("X-Probe: 1", "X-Probe: 2"));
      return true;
    });
    res.write("a");
    res.end("b");
    findings.try("ServerResponse._headerSent", () => isHeadSent() === true);
    findings.try("ServerResponse._contentLength", () => bytesOfEnd(seen) === null);
  }

  /** Like the answer of a handler thread: the head is among the bytes. */
  #answerDeclared(res: ServerResponse): void {
    declareHead(this.#see(res), DECLARED);
    res.write(`${DECLARED}x`);
    res.end();
  }

  /** All with `end`: node:http makes the head, and knows the length. */
  #answerLast({ socket }: IncomingMessage, res: ServerResponse): void {
    const findings = this.#findings;
    const see = this.#see;
    setKeepsConnection(see(res), false);
    let isHeadMade = false;
    findings.try("ServerResponse.writeHead", () => {
      beforeHead(see(res), () => (isHeadMade = true));
      return true;
    });
    res.end("c");
    findings.try("ServerResponse.writeHead", () => isHeadMade);
    findings.try("ServerResponse._contentLength", () => bytesOfEnd(see(res)) === 1);
    findings.try("ServerResponse._last", () => endsConnection(see(res)));
    res.once("finish", () => {
      findings.try("handle.writeQueueSize", () => "writeQueueSize" in see(handleOf(see(socket))!));
      findings.try("handle.bytesWritten", () => outputOf(see(socket)).takenBytes > 0);
      socket.end();
    });
  }

  /** The bytes that the client of the pipelined requests has received. */
  #judge(text: string): void {
    const findings = this.#findings;
    findings.try("ServerResponse._writeRaw", () => text.startsWith(`${EARLY_HINTS}HTTP/1.1 200 OK\r\n`));
    findings.try("ServerResponse._header", () => text.includes("\r\nX-Probe: 2\r\n"));
    findings.try("ServerResponse.shouldKeepAlive", () => /connection: close\r\n.*\r\n\r\nc$/is.test(text));
    const hasOneHead = text.split("HTTP/1.1 ").length === 5 && text.includes(`\r\n${DECLARED}xHTTP/1.1 200 OK\r\n`);
    if (hasOneHead || DECLARING.some((name) => findings.lacks(name))) return;
    for (const name of DECLARING) findings.try(name, () => false);
  }

  async #tryHalfClosed(): Promise<void> {
    const findings = this.#findings;
    this.#server.on("upgrade", (_req, stream) => {
      stream.unshift("GET /half-closed HTTP/1.1\r\n\r\n");
      findings.try("http._connectionListener", () => {
        parseOn(this.#server, stream);
        return true;
      });
      // Otherwise it can't continue.
      if (findings.lacks("http._connectionListener")) this.#server.emit("connection", stream);
      stream.resume();
    });
    this.#answer("/half-closed", ({ socket }, res) => {
      replaceEndings(this.#see(socket), {
        destroySoon() {
          this.end();
        },
        destroy(error) {
          findings.seen("socket.destroy");
          return Socket.prototype.destroy.call(this, error);
        },
      });
      socket.once("end", () => res.write("z", () => res.destroy()));
      client.socket.end();
    });
    const client = this.#connect("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: probe\r\n\r\n");
    const text = await client.text;
    findings.try("http.Server.httpAllowHalfOpen", () => text.includes("\r\n\r\n1\r\nz\r\n"));
  }

  async #tryUnfinished(): Promise<void> {
    const findings = this.#findings;
    this.#answer("/unfinished", ({ socket }) => {
      findings.try("parser.finish", () => isWithinRequest(this.#see(socket)));
      this.#server.closeAllConnections();
      findings.try("http.Server: listening", () => socket.destroyed);
      socket.destroy();
    });
    await this.#connect("POST /unfinished HTTP/1.1\r\nContent-Length: 9\r\n\r\n").text;
  }
}

/** The head is declared with these fields. If one is missing, there are two heads. */
const DECLARING = [
  "ServerResponse._header",
  "ServerResponse._headerSent",
  "ServerResponse._hasBody",
  "ServerResponse.chunkedEncoding",
];

function endIfFaulty(socket: Socket, run: () => void): void {
  try {
    run();
  } catch {
    socket.destroy();
  }
}

/** Linux has sockets without a file, in their own name space. */
function pathOf(name: string): string {
  return process.platform === "linux" ? `\0${name}` : join(tmpdir(), name);
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}
