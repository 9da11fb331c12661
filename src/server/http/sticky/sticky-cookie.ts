/** The cookie that names the instance of a client. Its value is a name and no secret: whoever forges one chooses an instance. */

export const STICKY_COOKIE = "heddle_instance";

/** SameSite=Lax: pages of other sites can't use it to find out about instances. Secure only where the client would send it back. */
export function stickyCookie(name: string, isTls: boolean): string {
  return `${STICKY_COOKIE}=${name}; Path=/; HttpOnly; SameSite=Lax${isTls ? "; Secure" : ""}`;
}

/** The first value of that cookie that `accepts` takes, in a `Cookie` header. A client may send several (RFC 6265 §5.4). */
export function cookieValue(header: string, accepts: (value: string) => boolean): string | undefined {
  if (!header.includes(STICKY_COOKIE)) return undefined;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals === -1 || pair.slice(0, equals).trim() !== STICKY_COOKIE) continue;
    const value = pair.slice(equals + 1).trim();
    if (accepts(value)) return value;
  }
  return undefined;
}
