/** Turns what a benchmark app exports into a server that does not listen yet: what a user without heddle writes by hand. */
import { createServer, type RequestListener, Server } from "node:http";

export interface LoadedApp {
  readonly server: Server;
  /** Says goodbye to connections only the application knows, such as WebSockets. */
  readonly onStop: () => void;
}

export async function loadApp(file: string): Promise<LoadedApp> {
  const loaded = (await import(file)) as { default: Server | RequestListener; onStop?: () => void };
  const server = loaded.default instanceof Server ? loaded.default : createServer(loaded.default);
  return { server, onStop: loaded.onStop ?? (() => {}) };
}
