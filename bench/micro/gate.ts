/**
 * What a request pays at the gate: `node --expose-gc bench/micro/gate.ts`. A gate with a fixed limit beside an adaptive one, and beside
 * what the adaptive one asks the kernel (how long the request has waited there).
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { SharedSemaphore } from "../../src/kit/shared-semaphore.ts";
import { loadNative, sinceLastByteMs } from "../../src/platform/native.ts";
import { descriptorOf } from "../../src/platform/node-internals/handles.ts";
import { AdaptiveGate } from "../../src/server/http/admit/adaptive/adaptive-gate.ts";
import { Board, createRow } from "../../src/server/http/admit/adaptive/memory.ts";
import { createLedger, Gate } from "../../src/server/http/admit/gate.ts";

const PASSES = 2_000_000;

const slots = SharedSemaphore.create(16, 16);
const fixed = new Gate({ slots: slots.handle, ledger: createLedger() }, 5000);
const board = new Board();
board.targetMs = 5;
const adaptive = new AdaptiveGate(
  { slots: slots.handle, ledger: createLedger(), adaptive: { row: createRow(), board: board.buffer } },
  5000,
);

await loadNative();
const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
const [socket] = (await once(server, "connection")) as [Socket];
client.write("x");
await once(socket, "readable");

console.table({
  "a fixed limit": measure(() => {
    fixed.tryEnter();
    fixed.release();
  }),
  "an adaptive limit": measure((at) => {
    adaptive.sheds(false, 0, at / 1000);
    adaptive.tryEnter();
    adaptive.answered(1, at / 1000);
  }),
  "how long the request has waited in the kernel": measure(() => void sinceLastByteMs(descriptorOf(socket))),
});
client.destroy();
server.close();

function measure(pass: (at: number) => void): { readonly "ns a pass": number; readonly "bytes a pass": number } {
  for (let at = 0; at < PASSES / 10; at++) pass(at);
  globalThis.gc?.();
  const bytesBefore = process.memoryUsage().heapUsed;
  const startedMs = performance.now();
  for (let at = 0; at < PASSES; at++) pass(at);
  const tookMs = performance.now() - startedMs;
  const bytes = process.memoryUsage().heapUsed - bytesBefore;
  return {
    "ns a pass": Math.round((tookMs * 1e6) / PASSES),
    "bytes a pass": Math.round((Math.max(0, bytes) / PASSES) * 10) / 10,
  };
}
