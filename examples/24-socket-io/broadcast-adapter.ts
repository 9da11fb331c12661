/**
 * Rooms of Socket.IO across the copies of an app that are threads of one process (`--threads`). Each copy tells the others by a
 * BroadcastChannel. Copies in other workers are other processes, and do not hear it: they need an adapter with a server between
 * them, such as Redis.
 */

import type { Namespace } from "socket.io";
import { ClusterAdapterWithHeartbeat, type ClusterMessage, type ClusterResponse } from "socket.io-adapter";

/** `to`: the only copy that it is for. */
type Told = { readonly message: ClusterMessage } | { readonly response: ClusterResponse; readonly to: string };

export class BroadcastAdapter extends ClusterAdapterWithHeartbeat {
  readonly #channel: BroadcastChannel;

  constructor(namespace: Namespace) {
    super(namespace, {});
    this.#channel = new BroadcastChannel(`socket.io ${namespace.name}`);
    this.#channel.addEventListener("message", (event) => this.#hear(event.data as Told));
    // It does not keep a thread from ending.
    (this.#channel as BroadcastChannel & { unref(): void }).unref();
    this.init();
  }

  override doPublish(message: ClusterMessage): Promise<string> {
    this.#tell({ message });
    return Promise.resolve("");
  }

  override doPublishResponse(to: string, response: ClusterResponse): Promise<void> {
    this.#tell({ response, to });
    return Promise.resolve();
  }

  override close(): void {
    super.close();
    this.#channel.close();
  }

  #tell(told: Told): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no such argument
    this.#channel.postMessage(told);
  }

  #hear(told: Told): void {
    if ("message" in told) this.onMessage(told.message);
    else if (told.to === this.uid) this.onResponse(told.response);
  }
}
