export { namespace, shared } from "./namespace.ts";
export {
  type GetOrSetOptions,
  type SetOptions,
  type SharedEntry,
  SharedMap,
  type TtlOptions,
} from "./shared-map.ts";
