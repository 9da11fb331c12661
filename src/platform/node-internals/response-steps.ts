/**
 * Replaces the four steps by which node:http's ServerResponse is sent: the head is made, bytes are sent, the response is
 * complete, an interim response is sent.
 */
// oxlint-disable no-underscore-dangle -- node:http's names

import type { ServerResponse } from "node:http";
import { http } from "../http.ts";

export type Data = string | Uint8Array;
export type Callback = ((error?: Error | null) => void) | null | undefined;

export interface Steps {
  /** `headers`: those given to `writeHead`, or the table of those that were set. */
  readonly storeHeader: (this: ServerResponse, firstLine: string, headers: unknown) => void;
  /** `byteLength`: of `data`, if known. */
  readonly send: (
    this: ServerResponse,
    data: Data,
    encoding?: BufferEncoding | null,
    callback?: Callback,
    byteLength?: number,
  ) => boolean;
  readonly finish: (this: ServerResponse) => void;
  readonly writeInformation: (this: ServerResponse, status: number, headers?: unknown, callback?: Callback) => unknown;
}

interface Named {
  _storeHeader: Steps["storeHeader"];
  _send: Steps["send"];
  _finish: Steps["finish"];
  writeInformation: Steps["writeInformation"];
}

/**
 * `make` gets the original steps, to be called with the response as `this`, and returns their replacements: for all responses
 * of the thread, or for `responses`.
 */
export function replaceSteps(
  make: (original: Steps) => Steps,
  responses: object = http.ServerResponse.prototype,
): void {
  const named = responses as Named;
  const { _storeHeader: storeHeader, _send: send, _finish: finish, writeInformation } = named;
  const steps = make({ storeHeader, send, finish, writeInformation });
  named._storeHeader = steps.storeHeader;
  named._send = steps.send;
  named._finish = steps.finish;
  named.writeInformation = steps.writeInformation;
}
