/** The messages between the starter and the client thread. */
import type { HttpKind } from "./kinds.ts";
import type { LoadReport, Window } from "./report.ts";

export interface LoadOptions {
  /** The server's address, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Default: `url` with `ws:` and the path `/ws`. */
  readonly wsUrl?: string;
  /** Clients of each kind; default 0. */
  readonly keepAlive?: number;
  readonly newConnections?: number;
  readonly uploads?: number;
  readonly slow?: number;
  readonly streams?: number;
  readonly webSockets?: number;
  /** The path for each kind, if it differs from bench/apps/mixed.ts. */
  readonly paths?: Readonly<Partial<Record<HttpKind, string>>>;
  /** A client's pause between two requests. Default 5. Without a pause the client measures how fast the server is. */
  readonly pauseMs?: number;
  /** Clients begin evenly spread over this time, default 100. */
  readonly rampMs?: number;
  /** How long a request may take, default 10,000. */
  readonly timeoutMs?: number;
  /** The load ends by itself after this time, default 120,000. */
  readonly maxDurationMs?: number;
}

export type ToClient =
  | { readonly type: "mark"; readonly id: number; readonly label: string; readonly worker?: string }
  | { readonly type: "stop" };

export type FromClient =
  | { readonly type: "ready" }
  | { readonly type: "marked"; readonly id: number; readonly window: Window }
  | { readonly type: "done"; readonly report: LoadReport };
