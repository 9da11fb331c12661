/** Sending, waiting, timers. */

import assert from "node:assert/strict";
import * as actors from "../../../src/actors/index.ts";
import { anything, but, empty, noAddress, noPid, pid, refusal, refuses, type Border } from "./refuses.ts";

const {
  call,
  cancelTimer,
  cast,
  exit,
  isDown,
  isExit,
  pidEquals,
  processInfo,
  readTimer,
  reply,
  send,
  sendAfter,
  sendInterval,
} = actors as Readonly<Record<string, any>>;

export const messages: Border = {
  async send() {
    await refuses("to", noAddress, (to) => send(to, 1));
    await refuses("options", but(undefined, empty), (options) => send(pid, 1, options));
    await refuses(
      "transfer",
      but(undefined).filter((value) => !Array.isArray(value)),
      (transfer) => send(pid, 1, { transfer }),
    );
    await refuses("priority", but(undefined), (priority) => send(pid, 1, { priority }));
    await refuses("to with priority", noAddress, (to) => send(to, 1, { priority: true }));
  },
  async cast() {
    await refuses("to", noAddress, (to) => cast(to, 1));
  },
  async call() {
    await refuses("server", noAddress, (to) => call(to, 1));
    await refuses("timeout", but(undefined, 7), (timeoutMs) => call(pid, 1, timeoutMs));
  },
  async exit() {
    await refuses("to", noAddress, (to) => exit(to, "normal"));
    await refuses("reason", [undefined], (reason) => exit(pid, reason));
    assert.equal((await refusal(() => exit(pid, () => {}))).code, "NOT_CLONEABLE");
  },
  async reply() {
    await refuses("from", anything, (from) => reply(from, 1));
  },
  async isDown() {
    await refuses("ref", but(undefined, 7), (ref) => isDown({}, ref));
  },
  async isExit() {
    await refuses("from", but(undefined), (from) => isExit({}, from));
  },
  async pidEquals() {
    await refuses("a", noPid, (a) => pidEquals(a, pid));
    await refuses("b", noPid, (b) => pidEquals(pid, b));
  },
  async processInfo() {
    await refuses("pid", noPid, (of) => processInfo(of));
  },
  async sendAfter() {
    await refuses("delay", but(7), (delayMs) => sendAfter(delayMs, pid, 1));
    await refuses("to", noAddress, (to) => sendAfter(0, to, 1));
    assert.equal((await refusal(() => sendAfter(0, pid, () => {}))).code, "NOT_CLONEABLE");
  },
  async sendInterval() {
    await refuses("period", [...but(7), 0, -1, Infinity], (everyMs) => sendInterval(everyMs, pid, 1));
    await refuses("to", noAddress, (to) => sendInterval(7, to, 1));
  },
  async cancelTimer() {
    await refuses("timer", anything, (timer) => cancelTimer(timer));
  },
  async readTimer() {
    await refuses("timer", anything, (timer) => readTimer(timer));
  },
};
