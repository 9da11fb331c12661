/**
 * Streams for two kinds of bodies, in place of those that Node's Response makes of them. If Node's are cancelled, because a client
 * has left or has sent HEAD, they still enqueue or close later, and that throws where nobody can catch it: the thread would end.
 *
 * - An async iterable: Node closes its stream when the iterable ends, also if that is the answer to the cancelling.
 * - FormData: Node writes all of it into its stream, and stops only if the stream has an error.
 */

import { Readable } from "node:stream";
import type { UnderlyingByteSource } from "node:stream/web";

type Chunk = Uint8Array<ArrayBuffer>;
type Next = () => Promise<IteratorResult<unknown, unknown>>;

/** undefined: not an async iterable, or one that the native constructor refuses. */
export function streamOfIterable(body: unknown): ReadableStream<Chunk> | undefined {
  if (typeof body !== "object" || body === null || body instanceof ReadableStream) return undefined;
  if (!(Symbol.asyncIterator in body)) return undefined;
  const iterable = body as AsyncIterable<unknown> & { readonly locked?: boolean };
  if (Readable.isDisturbed(body as unknown as NodeJS.ReadableStream) || iterable.locked === true) return undefined;
  const iterator = iterable[Symbol.asyncIterator]();
  return streamOf(
    () => iterator.next(),
    async () => void (await iterator.return?.()),
  );
}

/** The source is left as it is when the stream is cancelled: it ends by itself, and nothing refers to it any more. */
export function streamThatStaysOpen(source: ReadableStream<unknown>): ReadableStream<Chunk> {
  const reader = source.getReader();
  return streamOf(
    () => reader.read(),
    () => Promise.resolve(),
  );
}

function streamOf(next: Next, end: () => Promise<void>): ReadableStream<Chunk> {
  let isCancelled = false;
  const source: UnderlyingByteSource = {
    type: "bytes",
    async pull(controller) {
      for (;;) {
        const { done, value } = await next();
        if (isCancelled) return;
        if (done === true) {
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        // A copy: a stream of bytes takes the memory of what it is given. Strings become UTF-8, as with Node's.
        const bytes = new Uint8Array(Buffer.from(value as string));
        if (bytes.byteLength === 0) continue;
        controller.enqueue(bytes);
        return;
      }
    },
    cancel() {
      isCancelled = true;
      return end();
    },
  };
  return new ReadableStream(source);
}
