/** One HTTP exchange with an application of the matrix. It has a connection of its own, or the agent's. */

import { createHash } from "node:crypto";
import { Agent, type IncomingHttpHeaders, request } from "node:http";

export interface Target {
  readonly port: number;
  /** Sent with each request, to find it again in what monitoring has seen. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps connections. Without it each exchange has a connection of its own. */
  readonly agent?: Agent;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** A text. Of bytes that are none, their length and hash. */
  readonly body: unknown;
}

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  /** Ends the exchange before the body does. */
  readonly isEnough?: (text: string) => boolean;
}

/** A server that takes longer hangs. */
const PATIENCE_MS = 20_000;

export function exchange(target: Target, { method, path, headers, body, isEnough }: Exchange): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const client = request(
    {
      host: "127.0.0.1",
      port: target.port,
      method,
      path,
      headers: { ...length, ...target.headers, ...headers },
      agent: target.agent ?? false,
    },
    (response) => {
      const chunks: Buffer[] = [];
      const finish = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          headers: withoutPort(response.headers, target.port),
          body: textOrHash(Buffer.concat(chunks), target.port),
        });
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (isEnough?.(String(Buffer.concat(chunks))) !== true) return;
        finish();
        response.destroy();
      });
      response.once("end", finish);
      response.once("error", reject);
      response.once("close", () => reject(new Error("the response was cut")));
    },
  );
  const timer = setTimeout(() => client.destroy(new Error(`no complete answer in ${PATIENCE_MS} ms`)), PATIENCE_MS);
  client.once("error", reject);
  client.end(body);
  return promise.finally(() => clearTimeout(timer));
}

function textOrHash(bytes: Buffer, port: number): unknown {
  const text = bytes.toString("utf8");
  if (Buffer.from(text).equals(bytes)) return text.replaceAll(`:${port}`, ":PORT");
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Each run has another port, and some applications name theirs: in a redirect, in the text of an error. */
function withoutPort(headers: IncomingHttpHeaders, port: number): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(headers).replaceAll(`:${port}`, ":PORT")) as Record<string, unknown>;
}
