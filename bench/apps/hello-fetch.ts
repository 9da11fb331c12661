/** The same answer as hello.ts, with the Fetch API. */
const body = "Hello, world!\n";

export default {
  fetch(_request: Request): Response {
    return new Response(body, { headers: { "content-type": "text/plain" } });
  },
};
