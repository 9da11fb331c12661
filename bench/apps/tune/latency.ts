/**
 * A server whose latencies are known. It measures them itself, from the read of a request to the write of its answer.
 *
 *     node latency.ts lognormal   the k-th request takes the quantile frac(k · φ) of a log-normal distribution: median 40 ms, p99
 *                                 101 ms. Any few thousand requests in a row have nearly exactly its percentiles.
 *     node latency.ts stall       answers at once, but in the first 300 ms of every 2 s nothing. Of a constant rate of arrivals 15 %
 *                                 wait, evenly from 300 ms to 0.
 *
 * GET /truth answers what was measured so far. A program with threads would not do: a request could wait for one before it is read.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";

const MEDIAN_MS = 40;
const SIGMA = 0.4;
const GOLDEN = 0.6180339887498949;
const PERIOD_MS = 2000;
const STALL_MS = 300;

const isStalling = process.argv.includes("stall");
const taken: number[] = [];
let requests = 0;

function answer(socket: Socket, body: string): void {
  socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

function holdMs(nowMs: number): number {
  if (isStalling) return Math.max(0, STALL_MS - (nowMs % PERIOD_MS));
  return MEDIAN_MS * Math.exp(SIGMA * quantile((++requests * GOLDEN) % 1));
}

/** Of the standard normal distribution, to 0.0005: Abramowitz and Stegun 26.2.23. */
function quantile(share: number): number {
  const tail = Math.max(1e-9, Math.min(share, 1 - share));
  const t = Math.sqrt(-2 * Math.log(tail));
  const numerator = 2.515517 + t * (0.802853 + t * 0.010328);
  const denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  const z = t - numerator / denominator;
  return share < 0.5 ? -z : z;
}

function truth(): string {
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return JSON.stringify({ count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) });
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    const beganMs = performance.now();
    if (chunk.toString("latin1", 0, 11) === "GET /truth ") return answer(socket, truth());
    const respond = (): void => {
      if (socket.destroyed) return;
      answer(socket, "ok");
      taken.push(performance.now() - beganMs);
    };
    const ms = holdMs(beganMs);
    if (ms > 0) setTimeout(respond, ms);
    else respond();
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
