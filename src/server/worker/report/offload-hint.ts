/** The setting that moves a route's handler to a thread that may block, for messages. `undefined`: no route is known. */
export function offloadSetting(route: string | undefined): string {
  return route === undefined || route === "*" ? "--model threads" : `routes: { "${route}": { model: "threads" } }`;
}
