/** Behind nginx the client's address is in the headers that nginx sets; a Unix socket has none. */
export default {
  fetch(request: Request): Response {
    return new Response(`hello ${request.headers.get("x-forwarded-for") ?? "local client"}\n`);
  },
};
