/** What is sent to the server under test, as it is after a scenario file or `--path` was read. */

/** A status, or all statuses of a class. */
export type ExpectedStatus = number | "1xx" | "2xx" | "3xx" | "4xx" | "5xx";

/** Where a captured value is found in the answer of a setup request. */
export type Capture =
  /** A path into the JSON body: `token`, `data.items[0].id`. */
  { readonly json: string } | { readonly header: string } | { readonly cookie: string };

/** The beginning of a JSON path that stands for the whole body: `$`, `$.`. The `$` of a name such as `$id` is its own. */
export const JSON_ROOT: RegExp = /^\$(?:\.|(?=\[)|$)/;

export interface ScenarioRequest {
  /** The route in reports. Default: method and path. */
  readonly name: string;
  readonly method: string;
  /** With the query. May hold `{{name}}`. */
  readonly path: string;
  /** How often it is sent, relative to the other requests. */
  readonly weight: number;
  /** Values may hold `{{name}}`. */
  readonly headers: Readonly<Record<string, string>>;
  /** May hold `{{name}}`, unless `literalBody` is true. */
  readonly body?: Uint8Array;
  /** The body is sent as it is: a `{{name}}` there is its own. */
  readonly literalBody?: boolean;
  /** Default: 2xx and 3xx. */
  readonly expect: readonly ExpectedStatus[];
  /** Setup requests only: the values that later requests use as `{{name}}`. */
  readonly capture: Readonly<Record<string, Capture>>;
}

export interface Scenario {
  /** Sent in random order, each as often as its weight says. At least one. */
  readonly requests: readonly ScenarioRequest[];
  /** Sent once, in this order, before each run. */
  readonly setup: readonly ScenarioRequest[];
}

export const EXPECTED_BY_DEFAULT: readonly ExpectedStatus[] = ["2xx", "3xx"];

export function isExpected(status: number, expected: readonly ExpectedStatus[]): boolean {
  return expected.some((each) =>
    typeof each === "number" ? each === status : each.startsWith(String(status)[0] ?? ""),
  );
}
