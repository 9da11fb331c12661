/** What to write so that a route's handler runs where it may block; for messages. `undefined`: no route is known. */
export function offloadSetting(route: string | undefined): string {
  return route === undefined || route === "*" ? "--model threads" : `routes: { "${route}": { model: "threads" } }`;
}
