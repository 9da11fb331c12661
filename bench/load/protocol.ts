/** What the starter and the client thread say to each other. */
import type { HttpKind } from "./kinds.ts";
import type { LoadReport, Window } from "./report.ts";

export interface LoadOptions {
  /** Where the server is, such as `http://127.0.0.1:8000`. */
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
  /** Where each kind goes, if not where bench/apps/mixed.ts has it. */
  readonly paths?: Readonly<Partial<Record<HttpKind, string>>>;
  /** A client's pause between two requests, default 5. Without one the client measures how fast the server is. */
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
