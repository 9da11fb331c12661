/** The server that is measured: one that heddle boots in a shape, or one that runs elsewhere (`--url`). */

import type { HeddleError } from "../../errors/errors.ts";
import type { Target } from "../load/generator.ts";
import type { BootedShape } from "../probe/boot-shape.ts";
import type { Shape } from "../types.ts";

export interface Subject {
  readonly target: Target;
  readonly shape: Shape;
  /** CPUs that it may use; undefined: it is on another machine, or not heddle's to tell. */
  readonly cores?: number;
  /** Whether it may use the generator's core. */
  readonly isCoLocated: boolean;
  /** What was booted; undefined: the server runs elsewhere. */
  readonly booted?: BootedShape;
  stop(): Promise<void>;
}

/** Of a server whose shape heddle doesn't know. */
export const UNKNOWN_SHAPE: Shape = { model: "unknown", workers: 0, threads: 0 };

export function bootedSubject(booted: BootedShape, cores: number, isCoLocated: boolean): Subject {
  return {
    target: targetOf(booted.url),
    shape: booted.shape,
    cores,
    isCoLocated,
    booted,
    stop: () => booted.stop(),
  };
}

export function remoteSubject(url: string): Subject {
  const { hostname } = new URL(url);
  const isHere = /^(localhost|127\.|\[::1\]$)/.test(hostname);
  return { target: targetOf(url), shape: UNKNOWN_SHAPE, isCoLocated: isHere, stop: () => Promise.resolve() };
}

function targetOf(text: string): Target {
  const url = new URL(text);
  const tls = url.protocol === "https:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(url.port || (tls ? 443 : 80)), ...(tls ? { tls } : {}) };
}

/** Runs `work`, and stops it when the server ends. @throws HeddleError why the server ended */
export async function whileAlive<T>(
  { booted }: Subject,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  let why: HeddleError | undefined;
  const isOver = new AbortController();
  void booted?.ended.then((error) => {
    if (isOver.signal.aborted) return;
    why = error;
    ending.abort(error);
  });
  try {
    return await work(signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]));
  } catch (error) {
    // A terminal's Ctrl-C goes to the server as well, and ends it.
    signal?.throwIfAborted();
    throw why ?? error;
  } finally {
    isOver.abort();
  }
}
