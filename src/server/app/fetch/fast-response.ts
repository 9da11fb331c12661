/**
 * The global `Response` of a thread that serves a fetch app. It stays plain fields until someone looks inside.
 *
 * A native Response builds a header list and a body stream in its constructor, and the server takes both apart again a
 * microsecond later. Most responses are made, returned and written, and nobody ever reads them. This class keeps what it
 * was given, passes exactly that to the writer, and builds the native one (`#native`) only for the members that need it.
 * Invariants:
 * - What native's constructor rejects, ours rejects: anything but a plain body with plain headers goes to the native
 *   constructor at once. What native changes (the spaces around a header's value), is changed.
 * - The arguments are copied: changing `init.headers` or the bytes afterwards changes nothing.
 * - A body is read once, and sending counts. So a response that is returned twice fails the second time, as native does.
 * - `instanceof Response` is true for native responses (from `fetch`, `Response.redirect`) and for ours. A subclass matches
 *   only its own.
 *
 * Known difference: code that checks for Node's own class internally (`WebAssembly.compileStreaming`) refuses it.
 *
 * Rejected: srvx's FastResponse, as fast, but it accepts what native rejects, hides the default content-type from
 * `headers`, and answers an empty 200 when a response is sent twice. Numbers in docs/decisions/fetch-adapter.md.
 */

import { streamOfIterable, streamThatStaysOpen } from "./own-streams.ts";

type BodyInit = NonNullable<ConstructorParameters<typeof globalThis.Response>[0]>;
type HeadersInit = NonNullable<ConstructorParameters<typeof globalThis.Headers>[0]>;

type PlainBody = string | Uint8Array<ArrayBuffer> | null;

/** Everything the writer needs. `headers` is flat: name, value, name, value. */
export interface ResponseParts {
  readonly status: number;
  readonly statusText: string;
  readonly headers: string[];
  readonly body: PlainBody | ReadableStream<Uint8Array>;
}

const NativeResponse: typeof globalThis.Response = globalThis.Response;
const textType = "text/plain;charset=UTF-8";

class FastResponse {
  #status = 200;
  #statusText = "";
  #plainBody: PlainBody = null;
  #plainHeaders: string[] | undefined;
  #headers: Headers | undefined;
  #native: Response | undefined;
  #isSent = false;

  constructor(body?: BodyInit | null, init?: ResponseInit | null) {
    if (!this.#takePlain(body, init)) this.#adopt(nativeResponse(body, init ?? undefined));
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    const isOrdinary = Function.prototype[Symbol.hasInstance];
    // oxlint-disable-next-line typescript/no-unnecessary-condition -- `this` is the subclass, when there is one
    return isOrdinary.call(this === FastResponse ? NativeResponse : this, value);
  }

  static json(data: unknown, init?: ResponseInit): FastResponse {
    const text = JSON.stringify(data) as string | undefined;
    if (text === undefined) throw new TypeError("Value is not JSON serializable");
    const response = new FastResponse(text, init);
    if (response.#native === undefined) {
      const headers = (response.#plainHeaders ??= []);
      if (!hasName(headers, "content-type")) headers.push("content-type", "application/json");
      return response;
    }
    const isTyped = new Headers(init?.headers).has("content-type");
    if (!isTyped) response.headers.set("content-type", "application/json");
    return response;
  }

  get status(): number {
    return this.#status;
  }

  get statusText(): string {
    return this.#statusText;
  }

  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  get type(): Response["type"] {
    return "default";
  }

  get url(): string {
    return "";
  }

  get redirected(): boolean {
    return false;
  }

  get headers(): Headers {
    if (this.#headers !== undefined) return this.#headers;
    const headers = new Headers();
    const plain = this.#plainHeaders ?? [];
    for (let at = 0; at < plain.length; at += 2) headers.append(plain[at] ?? "", plain[at + 1] ?? "");
    if (typeof this.#plainBody === "string" && !headers.has("content-type")) headers.set("content-type", textType);
    this.#headers = headers;
    return headers;
  }

  get bodyUsed(): boolean {
    return this.#native === undefined ? this.#isSent && this.#plainBody !== null : this.#native.bodyUsed;
  }

  clone(): FastResponse {
    if (this.bodyUsed) throw new TypeError("Response.clone: Body has already been consumed.");
    const copy = new FastResponse();
    if (this.#native !== undefined) copy.#adopt(this.#native.clone());
    copy.#status = this.#status;
    copy.#statusText = this.#statusText;
    copy.#plainBody = this.#plainBody;
    copy.#plainHeaders = this.#plainHeaders?.slice();
    if (this.#headers !== undefined) copy.#headers = new Headers(this.#headers);
    return copy;
  }

  /** The native response that owns the body, for members this class does not have. */
  static native(response: FastResponse): Response {
    if (response.#native !== undefined) return response.#native;
    const { status, statusText } = response;
    const native = new NativeResponse(response.#plainBody, { status, statusText, headers: response.headers });
    // A sent body is a used one.
    if (response.#isSent) void native.body?.cancel();
    response.#native = native;
    return native;
  }

  /** Takes the content out, once. Undefined if the response is not one of ours. */
  static take(response: object): ResponseParts | undefined {
    if (!(#status in response)) return undefined;
    if (response.#isSent && response.#plainBody !== null)
      throw new TypeError("Body is unusable: the response was sent before");
    response.#isSent = true;
    const status = response.#status;
    const statusText = response.#statusText;
    const native = response.#native;
    if (native !== undefined) {
      if (native.bodyUsed) throw new TypeError("Body is unusable: Body has already been read");
      return { status, statusText, headers: flatten(response.headers), body: native.body };
    }
    const body = response.#plainBody;
    const headers = response.#headers === undefined ? (response.#plainHeaders ?? []) : flatten(response.#headers);
    if (body === null) return { status, statusText, headers, body };
    if (response.#headers === undefined && typeof body === "string" && !hasName(headers, "content-type")) {
      headers.push("content-type", textType);
    }
    if (!hasName(headers, "content-length")) {
      headers.push("content-length", String(typeof body === "string" ? Buffer.byteLength(body) : body.byteLength));
    }
    return { status, statusText, headers, body };
  }

  /** Keeps a body and headers that need no conversion. False: the native constructor decides. */
  #takePlain(body: BodyInit | null | undefined, init: ResponseInit | null | undefined): boolean {
    if (init !== undefined && init !== null) {
      const { status = 200, statusText = "", headers } = init;
      const allowsBody = status !== 204 && status !== 205 && status !== 304;
      if (!Number.isInteger(status) || status < 200 || status > 599) return false;
      if (statusText !== "" || (!allowsBody && body !== null && body !== undefined)) return false;
      if (headers !== undefined) {
        this.#plainHeaders = plainHeaders(headers);
        if (this.#plainHeaders === undefined) return false;
      }
      this.#status = status;
    }
    if (typeof body === "string") this.#plainBody = body;
    else if (body instanceof Uint8Array && body.buffer instanceof ArrayBuffer) this.#plainBody = new Uint8Array(body);
    else return body === undefined || body === null;
    return true;
  }

  #adopt(native: Response): void {
    this.#native = native;
    this.#status = native.status;
    this.#statusText = native.statusText;
    this.#headers = native.headers;
  }
}

/** Bodies that Node would make a stream of get one that may be cancelled at any time. */
function nativeResponse(body: BodyInit | null | undefined, init: ResponseInit | undefined): Response {
  if (!(body instanceof FormData)) return new NativeResponse(streamOfIterable(body) ?? body, init);
  const encoded = new NativeResponse(body);
  const response = new NativeResponse(streamThatStaysOpen(encoded.body!), init);
  if (!response.headers.has("content-type")) response.headers.set("content-type", encoded.headers.get("content-type")!);
  return response;
}

/** Puts the class in place of the global one. */
export function installFastResponse(): void {
  globalThis.Response = FastResponse as unknown as typeof globalThis.Response;
}

/** The content of a response of ours, or undefined for any other value. */
export const takeParts: (response: object) => ResponseParts | undefined = (response) => FastResponse.take(response);

export function isResponse(value: unknown): value is Response {
  if (value instanceof NativeResponse) return true;
  // The Response of another implementation, such as the undici package's.
  return typeof value === "object" && value !== null && "status" in value && "headers" in value && "body" in value;
}

export function flatten(headers: Headers): string[] {
  const flat: string[] = [];
  for (const [name, value] of headers) flat.push(name, value);
  return flat;
}

export function hasName(flat: readonly string[], name: string): boolean {
  for (let at = 0; at < flat.length; at += 2) if (flat[at] === name) return true;
  return false;
}

const PLAIN_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** Without spaces at its ends, which native takes away, and without line ends, which it refuses. */
const PLAIN_VALUE = /^(?:[!-~\u0080-\u00ff](?:[\t -~\u0080-\u00ff]*[!-~\u0080-\u00ff])?)?$/;

/** Headers as a flat list with lower-case names, or undefined when native must look at them. */
function plainHeaders(init: HeadersInit): string[] | undefined {
  if (init instanceof Headers) return flatten(init);
  if (Array.isArray(init) || Symbol.iterator in init) return undefined;
  const flat: string[] = [];
  for (const name of Object.keys(init)) {
    const value: unknown = init[name];
    if (typeof value !== "string" || !PLAIN_VALUE.test(value) || !PLAIN_NAME.test(name)) return undefined;
    flat.push(name.toLowerCase(), value);
  }
  return flat;
}

function inheritFromNative(): void {
  const prototype = FastResponse.prototype;
  for (const key of Reflect.ownKeys(NativeResponse.prototype)) {
    if (Object.hasOwn(prototype, key)) continue;
    const descriptor = Object.getOwnPropertyDescriptor(NativeResponse.prototype, key);
    if (descriptor?.get !== undefined) {
      const get = function (this: FastResponse): unknown {
        return Reflect.get(FastResponse.native(this), key);
      };
      Object.defineProperty(prototype, key, { configurable: true, enumerable: true, get });
    } else if (typeof key === "string" && typeof descriptor?.value === "function") {
      const call = function (this: FastResponse, ...args: unknown[]): unknown {
        const native = FastResponse.native(this);
        return (Reflect.get(native, key) as (...args: unknown[]) => unknown).apply(native, args);
      };
      Object.defineProperty(prototype, key, { configurable: true, enumerable: true, writable: true, value: call });
    }
  }
  Object.setPrototypeOf(prototype, NativeResponse.prototype);
  Object.setPrototypeOf(FastResponse, NativeResponse);
  Object.defineProperty(FastResponse, "name", { value: "Response" });
}

inheritFromNative();
