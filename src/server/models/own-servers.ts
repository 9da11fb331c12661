/** Which models can serve an app whose own server does TLS or HTTP/2. Pure. */

import type { ErrorCode } from "../../errors/errors.ts";
import type { OwnProtocol } from "../../platform/app-servers.ts";
import type { RouteModel } from "./upgrades.ts";

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** `asksForCertificates`: clients must or may show certificates, which only a connection's own thread can see. */
export function modelRefused(
  protocol: OwnProtocol | undefined,
  asksForCertificates: boolean,
  routes: readonly RouteModel[],
): Refusal | undefined {
  if (protocol === "h2" || protocol === "h2c") {
    const other = routes.find(({ model }) => model !== "loop");
    if (other === undefined) return undefined;
    return {
      code: "APP_SERVES_HTTP2",
      message: `the app's server speaks HTTP/2, which only the model loop serves; ${where(other)}.`,
      hint: "Use --model loop for everything, or let the app make an https or http server.",
    };
  }
  if (protocol === undefined || !asksForCertificates) return undefined;
  const other = routes.find(({ model }) => model === "threads" || model === "thread-per-request");
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
