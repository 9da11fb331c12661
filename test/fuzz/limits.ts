/** The server's limits while it is fuzzed: small, so that the scripts reach them. */

export const REQUEST_LINE_BYTES = 2048;
export const HEADER_BYTES = 8192;
export const HEADER_COUNT = 40;
export const BODY_BYTES: number = 256 * 1024;
/** On one connection. */
export const REQUESTS = 7;
