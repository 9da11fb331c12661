/** Which routes can have an app whose own server does TLS or HTTP/2. Pure. */

import type { ErrorCode } from "../../errors/errors.ts";
import type { OwnProtocol } from "../../platform/app-servers.ts";
import type { ModelName } from "./model.ts";
import type { RouteModel } from "./upgrades.ts";

interface OwnRoute extends RouteModel {
  readonly sticky: "none" | "cookie" | "ip";
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** `asksForCertificates`: clients must or may show certificates, which only a connection's own thread can see. */
export function modelRefused(
  protocol: OwnProtocol | undefined,
  asksForCertificates: boolean,
  routes: readonly OwnRoute[],
): Refusal | undefined {
  const isHttp2 = protocol === "h2" || protocol === "h2c";
  const sticky = routes.find((route) => route.sticky !== "none");
  if (sticky !== undefined && (isHttp2 || (protocol !== undefined && asksForCertificates))) {
    const what = isHttp2 ? "speaks HTTP/2" : "asks clients for certificates";
    const which =
      sticky.name === "*" ? `--sticky is ${sticky.sticky}` : `sticky of route "${sticky.name}" is ${sticky.sticky}`;
    return {
      code: isHttp2 ? "APP_SERVES_HTTP2" : "APP_SERVES_TLS",
      message: `the app's server ${what}, and such requests can't be led to another copy of the app; ${which}.`,
      hint: "Set sticky to none. A client that keeps one connection stays at one copy anyway.",
    };
  }
  if (isHttp2) {
    const other = routes.find(({ model }) => model !== "loop");
    if (other === undefined) return undefined;
    return {
      code: "APP_SERVES_HTTP2",
      message: `the app's server speaks HTTP/2, which only the model loop serves; ${where(other)}.`,
      hint: "Use --model loop for everything, or let the app make an https or http server.",
    };
  }
  if (protocol === undefined || !asksForCertificates) return undefined;
  const elsewhere: readonly ModelName[] = ["threads", "thread-per-request", "tasks"];
  const other = routes.find(({ model }) => elsewhere.includes(model));
  if (other === undefined) return undefined;
  return {
    code: "APP_SERVES_TLS",
    message: `the app's server asks clients for certificates, which a handler thread does not get; ${where(other)}.`,
    hint: "Use the model loop or sync for it.",
  };
}

function where({ name, model }: RouteModel): string {
  return name === "*" ? `the app's model is ${model}` : `the model of route "${name}" is ${model}`;
}
