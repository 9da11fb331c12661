/**
 * node:http's diagnostics channels for servers. Node announces each request that its parser has read. heddle holds that back for
 * requests of its own connections, and announces those that the app gets, when it gets them: the others are refused, or
 * answered on another thread (server/app/request-events.ts).
 *
 * Node publishes by calling `publish` of the channel, which is public. So a `publish` of the channel's own comes before the
 * prototype's. Without subscribers nothing is called.
 */

import { type Channel, channel } from "node:diagnostics_channel";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

const created = channel("http.server.response.created");
const started = channel("http.server.request.start");
const finished = channel("http.server.response.finish");

/** The key of a stream whose requests Node does not announce. */
const heldBack: unique symbol = Symbol("heddle.heldBack");

interface Stream {
  [heldBack]?: true;
}

/** Node's message. */
interface Message {
  /** node:http sets `upgrade` on each. */
  readonly request?: IncomingMessage & { readonly upgrade?: boolean };
}

let isReplaced = false;

/** What Node would announce of requests on this stream is held back. */
export function holdBack(stream: Duplex): void {
  (stream as Stream)[heldBack] = true;
  if (isReplaced) return;
  isReplaced = true;
  replacePublish([created, started, finished]);
}

export function replacePublish(channels: readonly object[]): void {
  for (const each of channels) {
    Object.defineProperty(each, "publish", {
      configurable: true,
      writable: true,
      value(this: Channel, message: Message) {
        if (!isHeldBack(message)) publish(this, message);
      },
    });
  }
}

/** Whether anybody subscribes to one of the channels. */
export function isAnnounced(): boolean {
  return started.hasSubscribers || created.hasSubscribers || finished.hasSubscribers;
}

/** As Node does before a server emits `request`, and when the response has finished. `server`: the one that emits it. */
export function announce(server: Server, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  publish(created, { request, response });
  publish(started, { request, response, socket, server });
  // Before all other listeners, as Node's own.
  response.prependOnceListener("finish", () => publish(finished, { request, response, socket, server }));
}

function isHeldBack({ request }: Message): boolean {
  // What an app makes to answer an upgrade is its own.
  return request !== undefined && request.upgrade !== true && (request.socket as Stream | null)?.[heldBack] === true;
}

/** The prototype changes with the first and the last subscriber. */
function publish(to: Channel, message: object): void {
  (Object.getPrototypeOf(to) as Channel).publish.call(to, message);
}
