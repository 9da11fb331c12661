/** Turns a benchmark app's export into a server that does not listen yet, as a user without heddle writes it by hand. */
import { createServer, type RequestListener, Server } from "node:http";

export interface LoadedApp {
  readonly server: Server;
  /** Closes connections that only the application knows, such as WebSockets. */
  readonly onStop: () => void;
}

export async function loadApp(file: string): Promise<LoadedApp> {
  const loaded = (await import(file)) as { default: Server | RequestListener; onStop?: () => void };
  const server = loaded.default instanceof Server ? loaded.default : createServer(loaded.default);
  return { server, onStop: loaded.onStop ?? (() => {}) };
}
