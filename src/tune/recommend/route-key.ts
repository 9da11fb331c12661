/** A request's route as a key of the config file's `routes`. Pure. */

/** What URLPattern takes for a pattern. */
const SPECIAL = /[:*?{}()+\\]/g;

/**
 * `POST /report/{{id}}?draft=1` is `POST /report/:id`. undefined: the text is not a method and a path, or its path has a value that is
 * known only when it is sent and is not a whole segment.
 */
export function routeKey(text: string): string | undefined {
  const [, method, path] = /^([A-Z]+) (\/[^\s?#]*)(?:[?#].*)?$/.exec(text) ?? [];
  if (path === undefined) return undefined;
  const names = new Set<string>();
  const segments = path.split("/").map((segment, at) => {
    const [, value] = /^\{\{(.*)\}\}$/.exec(segment) ?? [];
    if (value === undefined) return segment.includes("{{") ? undefined : segment.replace(SPECIAL, "\\$&");
    const name = /^[A-Za-z_]\w*$/.test(value) && !names.has(value) ? value : `part${at}`;
    names.add(name);
    return `:${name}`;
  });
  return segments.includes(undefined) ? undefined : `${method} ${segments.join("/")}`;
}
