/** The same answer as hello.ts, given in the Fetch API's form. */
const body = "Hello, world!\n";

export default {
  fetch(_request: Request): Response {
    return new Response(body, { headers: { "content-type": "text/plain" } });
  },
};
