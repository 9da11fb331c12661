export default {
  fetch(): Response {
    return new Response(`hello from process ${process.pid}\n`);
  },
};
