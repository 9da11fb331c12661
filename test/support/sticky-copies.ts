/** Copies of the app for sticky clients (test/fixtures/sticky/app.ts). */

import assert from "node:assert/strict";
import { RawConnection } from "./raw-connection.ts";

export const COOKIE: RegExp = /heddle_instance=([^;,]+)/;

export interface Copy {
  /** A connection that is served there. */
  readonly connection: RawConnection;
  /** Worker, thread and pid. */
  readonly name: string;
  readonly pid: number;
  /** `cookie: …`, of a client that belongs there. */
  readonly cookie: string;
}

/** Two copies of the app, each with a connection of its own. */
export async function twoCopies(t: { after(done: () => void): void }, port: number): Promise<readonly [Copy, Copy]> {
  const found = new Map<string, Copy>();
  for (let tries = 0; found.size < 2; tries++) {
    assert.ok(tries < 200, "connections reach several copies");
    const connection = await RawConnection.open(port);
    t.after(() => connection.destroy());
    const { headers } = await connection.request("GET / HTTP/1.1").response();
    const name = headers["x-copy"]!;
    const cookie = `cookie: heddle_instance=${COOKIE.exec(headers["set-cookie"]!)![1]}`;
    found.set(name, { connection, name, pid: Number(name.split(".")[2]), cookie });
  }
  return [...found.values()] as unknown as readonly [Copy, Copy];
}
