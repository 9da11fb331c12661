/** A thread of the server as the runtime sees it (`worker-runtime.ts`). */

import type { HeddleError } from "../../../errors/errors.ts";
import type { HandlerThreadHandle } from "../handlers/handler-thread-handle.ts";
import type { ServingThreadHandle } from "../serving/serving-thread-handle.ts";
import type { AppThread } from "./worker-runtime.ts";

export function appThread(
  handle: ServingThreadHandle | HandlerThreadHandle,
  role: AppThread["role"],
  place: string,
  replace: (why: HeddleError) => void,
): AppThread {
  return {
    role,
    place: { name: place, serial: handle.member.serial },
    name: handle.name,
    replace,
    get threadId() {
      return handle.threadId;
    },
    get isGone() {
      return handle.member.isGone;
    },
  };
}
