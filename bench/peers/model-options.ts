/** The options of the models benchmark, beside the number of loops. */
import type { StartOptions } from "./peer.ts";

export interface ModelOptions extends StartOptions {
  /** Appended to the server's command line. */
  readonly flags: readonly string[];
  /** Clients at once, if a scenario's contenders differ in it. */
  readonly clients?: number;
  /** Heavy requests per second beside the measured ones. */
  readonly heavyPerSecond?: number;
}

export function withFlags(loops: number, flags: string, rest: Partial<ModelOptions> = {}): ModelOptions {
  return { loops, ...rest, flags: flags.split(" ").filter((each) => each !== "") };
}

export function flagsOf(options: StartOptions): readonly string[] {
  return (options as Partial<ModelOptions>).flags ?? [];
}

export function clientsOf(options: StartOptions): number {
  return (options as Partial<ModelOptions>).clients ?? 1;
}

export function heavyOf(options: StartOptions): number {
  return (options as Partial<ModelOptions>).heavyPerSecond ?? 0;
}
