export {
  Channel,
  channel,
  type ChannelGap,
  type ChannelMessages,
  type SubscribeOptions,
  type Subscription,
} from "./channels/channel.ts";
export { namespace, shared } from "./namespace.ts";
export {
  type GetOrSetOptions,
  type SetOptions,
  type SharedEntry,
  SharedMap,
  type TtlOptions,
} from "./shared-map.ts";
