/** Changes a head that another thread or process has written: its connection ends with this response after all. */

/** Its client is told not to use the connection again. `head`: with the empty line; a body behind it stays as it is. */
export function sayingClose(head: string): string {
  const end = head.indexOf("\r\n\r\n");
  const closing = head
    .slice(0, end)
    .replace(/^connection: keep-alive$/im, "Connection: close")
    .replace(/\r\nkeep-alive: [^\r]*/i, "");
  return closing + head.slice(end);
}
