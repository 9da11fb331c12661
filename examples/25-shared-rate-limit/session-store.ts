// A store for express-session, whose sessions are in `heddle/shared`. They end with the server.

import { type SessionData, Store } from "express-session";
import { namespace, type SharedMap } from "../../src/shared/index.ts"; // in your project: from "heddle/shared"

type Done<T = void> = (error?: unknown, value?: T) => void;

/** For cookies that live as long as the browser. */
const DAY_MS = 86_400_000;

export class SharedSessionStore extends Store {
  readonly #sessions: SharedMap;

  constructor(name: string) {
    super();
    this.#sessions = namespace(`sessions: ${name}`);
  }

  override get(id: string, done: Done<SessionData | null>): void {
    tell(done, async () => {
      const text = await this.#sessions.get<string>(id);
      return text === undefined ? null : (JSON.parse(text) as SessionData);
    });
  }

  /** As JSON: the session's cookie is an object with methods. */
  override set(id: string, data: SessionData, done: Done = () => {}): void {
    tell(done, () => this.#sessions.set(id, JSON.stringify(data), { ttlMs: ttlOf(data) }).then(() => {}));
  }

  override touch(id: string, data: SessionData, done: Done = () => {}): void {
    tell(done, () => this.#sessions.touch(id, ttlOf(data)).then(() => {}));
  }

  override destroy(id: string, done: Done = () => {}): void {
    tell(done, () => this.#sessions.delete(id).then(() => {}));
  }

  override clear(done: Done = () => {}): void {
    tell(done, () => this.#sessions.clear());
  }
}

function ttlOf({ cookie }: SessionData): number {
  return Math.max(1, cookie.maxAge ?? DAY_MS);
}

function tell<T>(done: Done<T>, run: () => Promise<T>): void {
  run().then(
    (value) => done(undefined, value),
    (error: unknown) => done(error),
  );
}
