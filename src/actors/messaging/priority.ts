/**
 * Priority messages: they go before the ordinary messages in the mailbox, and never find it full. OTP 28's priority messages. The
 * receiver must accept them (`self.acceptPriority`), as in OTP, because whoever sends them overtakes all others.
 *
 * What the library itself asks of a server (`stop`, `getState`, `startChild` …) keeps its place among the messages of its sender,
 * but is not refused by a full mailbox either (calls.ts).
 */

import type { Transferable } from "node:worker_threads";
import { copy } from "../../runtime/copy/copy.ts";
import { pack, unpack } from "../../runtime/copy/message-packing.ts";
import type { Pid } from "../process/pid.ts";
import { Process } from "../process/process.ts";
import { localProcess } from "../process/process-table.ts";
import { resolveName, unknownName } from "../registry/registered-names.ts";
import { settleOverflow } from "./calls.ts";
import { onMessage, post, refuseIfFull } from "./remote.ts";
import { sendTo } from "./sending.ts";
import { deliverUrgent } from "./urgent.ts";

export function sendWithPriority(to: Pid | string, message: unknown, transfer?: readonly Transferable[]): void {
  const pid = resolveName(to, "the receiver of send()");
  if (pid === undefined) throw unknownName(to as string);
  if (!(pid instanceof Process)) {
    refuseIfFull(pid.thread);
    const { value, markers } = pack(message, transfer);
    post(pid.thread, ["sendUrgent", pid.id, value, markers], transfer);
  } else if (accepts(pid)) deliverUrgent(pid, copy(message, transfer));
  else sendTo(pid, message, "throw", transfer);
}

function accepts({ extra }: Process): boolean {
  return extra?.acceptPriority === true;
}

onMessage("sendUrgent", (_thread: number, id: number, value: unknown, markers: never) => {
  const process = localProcess(id);
  if (process === undefined) return;
  const message = unpack(value, markers);
  if (accepts(process)) deliverUrgent(process, message);
  else settleOverflow(process.deliver(message), undefined);
});
