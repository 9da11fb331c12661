/** An object with `fetch`: a Request in, a Response out. The same file runs under Deno, Bun and on edge platforms. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    switch (`${request.method} ${pathname}`) {
      case "GET /":
        return new Response(`hello ${searchParams.get("name") ?? "world"}\n`);
      case "POST /sum": {
        const numbers = (await request.json()) as readonly number[];
        return Response.json({ sum: numbers.reduce((sum, number) => sum + number, 0) });
      }
      case "GET /count":
        return new Response(countTo(5, request.signal), { headers: { "content-type": "text/plain" } });
      default:
        return new Response("not found\n", { status: 404 });
    }
  },
};

/** A streamed body. `request.signal` aborts when the client leaves, so that nobody counts for nobody. */
function countTo(last: number, signal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let count = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (signal.aborted || ++count > last) controller.close();
      else controller.enqueue(encoder.encode(`${count}\n`));
    },
  });
}
