/**
 * Whether the server can be loaded with these requests at all: asked with a few of each, before time is spent. Pure.
 */

import { count } from "../../errors/count.ts";
import { HeddleError } from "../../errors/errors.ts";
import { causeInWords, mainCause } from "../load/causes.ts";
import type { Sample } from "../types.ts";

/** What is to be done about a status, or about what the connection did. */
const ADVICE: readonly (readonly [causes: RegExp, advice: string])[] = [
  [
    /^(401|403|407)$/,
    "it needs a login: a scenario file (--scenario) can send headers, and setup requests whose answers hold a token",
  ],
  [/^404$/, "the app has no such path: check --path, and the method in front of it"],
  [/^405$/, "the app has the path but not this method: --path 'POST /orders=@body.json'"],
  [/^(400|411|415|422)$/, "the app rejects the request: a scenario file (--scenario) can give it headers and a body"],
  [/^413$/, "the body is larger than the server allows (--max-body)"],
  [/^429$/, "it has a rate limit: switch it off for the measurement, or every answer above it is a 429"],
  [/^503$/, "it sheds the request: it is overloaded already, or its limits are too low to be measured"],
  [/^5\d\d$/, "the app fails on it, and its own log says why"],
  [/^[45]\d\d$/, "if this status is the right answer, a scenario file (--scenario) can expect it"],
  [/^[123]\d\d$/, "if this status is the right answer, add it to expect in the scenario file"],
  [/^refused$/, "nothing listens there: is the server running, and is the address right?"],
  [/^unknown$/, "is the address right?"],
  [
    /^tls$/,
    "its certificate is not trusted, or it does not speak TLS, or only HTTP/2: NODE_EXTRA_CA_CERTS=ca.pem trusts an authority, NODE_TLS_REJECT_UNAUTHORIZED=0 any certificate",
  ],
  [/^timeout$/, "a route that takes this long can't be measured"],
  [/^(reset|cut)$/, "it closes the connection instead of answering"],
  [/^malformed$/, "it does not answer in HTTP/1.1"],
  [/^generator$/, "this machine gives the load generator no more files or ports: see ulimit -n"],
];

/** What a server of TLS does with a request in clear text. */
const NOT_TALKED_TO = /^(reset|cut|malformed)$/;

export interface Asked {
  /** `GET /orders`. */
  readonly route: string;
  readonly sample: Pick<Sample, "answers" | "errors" | "errorsByCause">;
}

/** A route whose answers are mostly not what was expected. undefined: all can be loaded. */
export function refusal(asked: readonly Asked[], target: string): HeddleError | undefined {
  const refused = asked.filter(({ sample: { answers, errors } }) => errors >= answers);
  if (refused.length === 0) return undefined;
  const lines = refused.map(({ route, sample }) => {
    const { answers, errors } = sample;
    const cause = mainCause([sample]) ?? "timeout";
    const advice = ADVICE.find(([causes]) => causes.test(cause))?.[1];
    const share = errors === 0 ? "" : ` on ${errors} of ${count(answers + errors, "request")}`;
    const mayBeTls = target.startsWith("http://") && NOT_TALKED_TO.test(cause);
    const hint = mayBeTls ? "; if it speaks TLS, its address begins with https://" : "";
    return `${route}: ${causeInWords(cause)}${share}${advice === undefined ? "" : `; ${advice}`}${hint}`;
  });
  return new HeddleError("TUNE_REFUSED", `${target} can't be measured with these requests:\n${lines.join("\n")}`);
}
