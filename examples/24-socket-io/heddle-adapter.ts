/**
 * Rooms of Socket.IO across all copies of an app: threads and workers. The copies tell each other over channels of `heddle/shared`,
 * so no other server is needed.
 *
 * Each copy has a channel of its own beside the common one. So an answer reaches only the copy that has asked.
 */

import { channel, type Channel, type Subscription } from "../../src/shared/index.ts"; // in your project: from "heddle/shared"
import type { Namespace } from "socket.io";
import { ClusterAdapterWithHeartbeat, type ClusterMessage, type ClusterResponse } from "socket.io-adapter";

/** A copy that has died is given up after this time. Socket.IO waits 5 s for the answers of the others. */
const HEARTBEAT = { heartbeatInterval: 1000, heartbeatTimeout: 3000 };

export class HeddleAdapter extends ClusterAdapterWithHeartbeat {
  readonly #all: Channel<ClusterMessage>;
  readonly #subscriptions: readonly Subscription[];

  constructor(namespace: Namespace) {
    super(namespace, HEARTBEAT);
    this.#all = channel(`socket.io ${namespace.name}`);
    this.#subscriptions = [
      this.#all.subscribe((message) => this.onMessage(message)),
      this.#channelOf(this.uid).subscribe((response) => this.onResponse(response)),
    ];
    this.init();
  }

  /** Its own clients do not wait for the others. */
  override doPublish(message: ClusterMessage): Promise<string> {
    this.#all.publish(message).catch(report);
    return Promise.resolve("");
  }

  override doPublishResponse(to: string, response: ClusterResponse): Promise<void> {
    this.#channelOf(to).publish(response).catch(report);
    return Promise.resolve();
  }

  override close(): void {
    super.close();
    for (const subscription of this.#subscriptions) subscription.close();
  }

  #channelOf(uid: string): Channel<ClusterResponse> {
    return channel(`socket.io ${this.nsp.name} ${uid}`);
  }
}

/** Socket.IO would show it only with DEBUG=socket.io-adapter. */
function report(error: unknown): void {
  console.error("the other copies have not been told:", error);
}
