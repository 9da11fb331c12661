/**
 * The requests of the matrix. Each is made of the bare application first; what it answers is what heddle has to answer.
 *
 * A request has an expected status, so that a bare application that is broken is not taken for the measure of all.
 */

import { type Answer, exchange, type Target } from "./client.ts";

export interface Request {
  readonly name: string;
  /** What it sends and expects: to see whether it has changed since an earlier run. */
  readonly of: unknown;
  run(target: Target): Promise<Answer>;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: 200. */
  readonly status?: number;
  /** A text that the body has in it. */
  readonly has?: string;
  /** Names of headers whose values differ from one answer to the next. They only have to be there. */
  readonly volatile?: readonly string[];
  /** What of the body differs from one answer to the next. It is left out of the comparison. */
  readonly mask?: RegExp;
  /** Distinguishes two requests of the same method and path. */
  readonly note?: string;
}

export interface BodyOptions extends RequestOptions {
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as multipart/form-data; a value that is an object is a file. */
  readonly multipart?: Readonly<Record<string, string | FilePart>>;
  readonly text?: string;
  readonly bytes?: Buffer;
}

export interface FilePart {
  readonly filename: string;
  readonly content: string | Buffer;
  readonly type?: string;
}

const BOUNDARY = "----boundary-of-the-matrix";

export function get(path: string, options: RequestOptions = {}): Request {
  return send("GET", path, options);
}

export function post(path: string, options: BodyOptions = {}): Request {
  return send("POST", path, options);
}

export function send(method: string, path: string, options: BodyOptions = {}): Request {
  const { body, type } = bodyOf(options);
  const headers = { ...(type === undefined ? {} : { "content-type": type }), ...options.headers };
  return {
    of: options,
    name: [method, path, ...(options.note === undefined ? [] : [`(${options.note})`])].join(" "),
    run: async (target) => {
      const answer = await exchange(target, { method, path, headers, body });
      return expected(answer, options);
    },
  };
}

/** Anything that takes more than one exchange. What it resolves to is compared. */
export function custom(name: string, run: (target: Target) => Promise<unknown>): Request {
  return { name, of: String(run), run: async (target) => ({ body: await run(target) }) };
}

/** Opens a WebSocket, sends each message, and waits for as many messages as `receives`. */
export function socket(
  path: string,
  sends: readonly string[],
  receives: number = sends.length,
  protocol?: string,
): Request {
  const conversation = custom(`WebSocket ${path}`, async ({ port }) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const received: string[] = [];
    client.addEventListener("open", () => {
      for (const message of sends) client.send(message);
    });
    client.addEventListener("message", ({ data }) => {
      received.push(String(data));
      if (received.length >= receives) resolve({ protocol: client.protocol, received });
    });
    client.addEventListener("error", () => reject(new Error("the WebSocket failed")));
    client.addEventListener("close", ({ code }) => reject(new Error(`the WebSocket was closed with ${code}`)));
    try {
      return await promise;
    } finally {
      client.close();
    }
  });
  return { ...conversation, of: [sends, receives, protocol] };
}

/** Reads as many events of an event stream, then leaves. */
export function events(path: string, count: number): Request {
  return {
    of: count,
    name: `GET ${path} (${count} events)`,
    run: async (target) => {
      const isEnough = (text: string): boolean => text.split("\n\n").length > count;
      const answer = await exchange(target, {
        method: "GET",
        path,
        headers: { accept: "text/event-stream" },
        isEnough,
      });
      const text = String(answer.body).split("\n\n").slice(0, count).join("\n\n");
      return expected({ ...answer, body: text }, {});
    },
  };
}

function expected(answer: Answer, { status = 200, has, mask, volatile = [] }: RequestOptions): Answer {
  const body = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
  if (answer.status !== status)
    throw new Error(`expected status ${status}, got ${answer.status}: ${body.slice(0, 300)}`);
  if (has !== undefined && !body.includes(has))
    throw new Error(`expected ${JSON.stringify(has)} in ${body.slice(0, 300)}`);
  const headers = Object.fromEntries(
    Object.entries(answer.headers ?? {}).map(([name, value]) => [name, volatile.includes(name) ? "…" : value]),
  );
  if (mask === undefined) return { ...answer, headers };
  // A masked body has another length each time.
  delete headers["content-length"];
  delete headers["etag"];
  return { ...answer, headers, body: body.replaceAll(new RegExp(mask, "g"), "…") };
}

function bodyOf({ json, form, multipart, text, bytes }: BodyOptions): {
  body: Buffer | undefined;
  type: string | undefined;
} {
  if (json !== undefined) return { body: Buffer.from(JSON.stringify(json)), type: "application/json" };
  if (form !== undefined) {
    return { body: Buffer.from(String(new URLSearchParams(form))), type: "application/x-www-form-urlencoded" };
  }
  if (multipart !== undefined) {
    const parts = Object.entries(multipart).flatMap(([name, value]) => partOf(name, value));
    const body = Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);
    return { body, type: `multipart/form-data; boundary=${BOUNDARY}` };
  }
  if (text !== undefined) return { body: Buffer.from(text), type: "text/plain" };
  if (bytes !== undefined) return { body: bytes, type: "application/octet-stream" };
  return { body: undefined, type: undefined };
}

function partOf(name: string, value: string | FilePart): readonly Buffer[] {
  const file =
    typeof value === "string"
      ? ""
      : `; filename="${value.filename}"\r\ncontent-type: ${value.type ?? "application/octet-stream"}`;
  const content = typeof value === "string" ? value : value.content;
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n`;
  return [Buffer.from(head), Buffer.from(content), Buffer.from("\r\n")];
}
