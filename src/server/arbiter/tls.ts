/**
 * Reads the certificate and key, once per generation. A reload picks up renewed ones. A worker that is replaced in between
 * does not fail because a file is being rewritten.
 */

import { readFileSync } from "node:fs";
import type { ServerConfig } from "../../config/config.ts";
import { HeddleError } from "../../errors/errors.ts";
import type { TlsMaterial } from "../worker/worker-protocol.ts";

export type Certificate = Pick<TlsMaterial, "cert" | "key">;

/** undefined: plain HTTP. @throws HeddleError TLS_BAD */
export function readTls({ tlsCert, tlsKey }: Pick<ServerConfig, "tlsCert" | "tlsKey">): Certificate | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  // Loaded on demand: TLS costs an arbiter that serves plain HTTP some 10 MB.
  const { createSecureContext } = process.getBuiltinModule("node:tls");
  const cert = readPem("--tls-cert", tlsCert);
  const key = readPem("--tls-key", tlsKey);
  check("--tls-cert", tlsCert, "a certificate in PEM form", () => createSecureContext({ cert }));
  check("--tls-key", tlsKey, "a private key in PEM form, without a passphrase", () => createSecureContext({ key }));
  check("--tls-key", tlsKey, `the key of ${tlsCert}`, () => createSecureContext({ cert, key }));
  return { cert, key };
}

function readPem(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new HeddleError("TLS_BAD", `${flag} ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function check(flag: string, path: string, expected: string, use: () => unknown): void {
  try {
    use();
  } catch (cause) {
    throw new HeddleError("TLS_BAD", `${flag} ${path} is not ${expected}: ${(cause as Error).message}`, { cause });
  }
}
