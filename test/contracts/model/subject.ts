/** The subject of a contract case: one server, which runs one shape of app under one model. */

import { after, before } from "node:test";
import type { ModelName } from "../../../src/server/models/model.ts";
import { RawConnection, type RawResponse } from "../../support/raw-connection.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import type { Shape } from "../shapes.ts";
import { type Bundled, bundled } from "./bundled.ts";

/** What a model gives beyond what all do. */
export interface Capabilities {
  /** Whether a connection takes another request after its response. */
  readonly keepsConnections: boolean;
  /**
   * The model of `/next`, which shows that a connection goes on after what was tested. Other than the model itself where that
   * loads the app, perhaps a large framework, for each request.
   */
  readonly next?: ModelName;
  /** Whether each request loads the app, so that one in a single file saves much. Default: false. */
  readonly loadsForEach?: boolean;
}

/** No time limits but those of the cases: a machine may be busy. */
const settings = "--limit-body 0 --debug-headers --queue-timeout 0 --boot-timeout 1m --keep-alive 1m".split(" ");
const apps = new URL("../../fixtures/contract/", import.meta.url);
/** What each app sends as `/file`. */
export const SENT_FILE: string = import.meta.filename;

export class Subject {
  readonly model: ModelName;
  readonly shape: Shape;
  readonly can: Capabilities;
  readonly #args: readonly string[];
  #server: TestServer | undefined;
  #bundled: Bundled | undefined;
  #ids = 0;

  constructor(model: ModelName, shape: Shape, args: readonly string[], can: Capabilities) {
    this.model = model;
    this.shape = shape;
    this.can = can;
    this.#args = args;
  }

  /** For the `describe` that it is called in. */
  serve(): void {
    before(async () => {
      const source = new URL(this.shape.file, apps).pathname;
      if (this.can.loadsForEach === true && source.endsWith(".ts")) this.#bundled = await bundled(source);
      const app = this.#bundled?.file ?? source;
      const env = { SENT_FILE, ...(this.can.next !== undefined && { NEXT_MODEL: this.can.next }) };
      this.#server = await startServer(app, ["--model", this.model, ...settings, ...this.#args], { env });
    });
    after(async () => {
      await this.#server?.[Symbol.asyncDispose]();
      await this.#bundled?.[Symbol.asyncDispose]();
    });
  }

  get server(): TestServer {
    return this.#server!;
  }

  open(): Promise<RawConnection> {
    return RawConnection.open(this.server.port);
  }

  get(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.server.url}${path}`, { signal: AbortSignal.timeout(30_000), ...init });
  }

  /** The client's next request: on the connection that it has, or where that ends with its response, on another. */
  async askAgain(client: RawConnection, path: string): Promise<RawResponse> {
    const request = `GET ${path} HTTP/1.1`;
    if (this.can.keepsConnections) return await client.request(request).response();
    await client.ended();
    await using next = await this.open();
    return await next.request(request).response();
  }

  /** Tells one case's lines in the log from another's. */
  nextId(): string {
    return `${this.shape.name}-${++this.#ids}.`;
  }

  logged(pattern: string): Promise<RegExpMatchArray> {
    return this.server.waitForLog(new RegExp(pattern));
  }
}
