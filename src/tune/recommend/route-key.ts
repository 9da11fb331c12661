/** A request's route as a key of the config file's `routes`. Pure. */

/** What URLPattern takes for a pattern. */
const SPECIAL = /[:*?{}()+\\]/g;

/**
 * `POST /report/{{id}}?draft=1` is `POST /report/:id`. undefined: the text is not a method and a path, or its path has a value that is
 * known only when it is sent and is not a whole segment.
 */
export function routeKey(text: string): string | undefined {
  const [, method = "", path] = /^([A-Z]+) (\/[^\s?#]*)(?:[?#].*)?$/.exec(text) ?? [];
  if (path === undefined) return undefined;
  const names = new Set<string>();
  const segments = path.split("/").map((segment, at) => {
    const [, value] = /^\{\{(.*)\}\}$/.exec(segment) ?? [];
    if (value === undefined) return segment.includes("{{") ? undefined : segment.replace(SPECIAL, "\\$&");
    const name = /^[A-Za-z_]\w*$/.test(value) && !names.has(value) ? value : `part${at}`;
    names.add(name);
    return `:${name}`;
  });
  return segments.includes(undefined) ? undefined : `${routedAs(method)} ${segments.join("/")}`;
}

/** The server looks for the route of a HEAD among those of GET. */
function routedAs(method: string): string {
  return method === "HEAD" ? "GET" : method;
}

/**
 * The key for a request whose config file has routes already: the one that the server finds for it, so that the settings there stay its
 * own. A new one in place of a pattern with a wildcard, which may stand for the whole app. `keys`: in their order in the file.
 */
export function routeKeyBeside(keys: readonly string[], method: string, path: string): string | undefined {
  const own = routeKey(`${method} ${path}`);
  const pathname = path.replace(/[?#].*$/s, "").replace(/\{\{.*?\}\}/g, "0");
  const routes = keys.flatMap((key) => {
    const [, of, pattern] = /^(?:([A-Z]+)\s+)?(\/.*)$/.exec(key) ?? [];
    return pattern === undefined || (of !== undefined && of !== routedAs(method)) ? [] : [{ key, of, pattern }];
  });
  const exact = routes.filter(({ pattern }) => pattern === pathname);
  const found = exact.find(({ of }) => of !== undefined) ?? exact[0] ?? routes.find((route) => covers(route, pathname));
  return found === undefined || found.pattern.includes("*") ? own : found.key;
}

function covers({ pattern }: { readonly pattern: string }, pathname: string): boolean {
  try {
    return new URLPattern({ pathname: pattern }).test({ pathname });
  } catch {
    return false;
  }
}
