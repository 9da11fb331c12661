/** Actors, servers, state machines, looking inside, settings. */

import assert from "node:assert/strict";
import * as actors from "../../../src/actors/index.ts";
import {
  anything,
  body,
  but,
  empty,
  machine,
  noAddress,
  noFunction,
  noText,
  pid,
  refuses,
  server,
  tree,
  type Border,
} from "./refuses.ts";

const {
  actor,
  genServer,
  genStatem,
  getState,
  observe,
  replaceState,
  resume,
  setCrashReporter,
  setMailboxLimits,
  setRunawayBudget,
  setSchedulerThreads,
  setSupervisorReporter,
  spawn,
  startWith,
  stop,
  suspend,
  trace,
} = actors as Readonly<Record<string, any>>;

export const servers: Border = {
  async actor() {
    await refuses("url", but(), (url) => actor(url, "name", body));
    await refuses("name", noText, (name) => actor(import.meta.url, name, body));
    await refuses("body", noFunction, (fn) => actor(import.meta.url, "name", fn));
  },
  async spawn() {
    await refuses("what", noFunction, (what) => spawn(what));
    await refuses(
      "args",
      but(undefined).filter((value) => !Array.isArray(value)),
      (args) => spawn(body, args),
    );
    await refuses("options", but(undefined, empty), (options) => spawn(body, [], options));
    await refuses("link", [...but(undefined)], (link) => spawn(body, [], { link }));
    await refuses("monitor", [...but(undefined)], (monitor) => spawn(body, [], { monitor }));
    await refuses("name", noText.slice(1), (name) => spawn(body, [], { name }));
    await refuses("initTimeoutMs", but(undefined, 7), (initTimeoutMs) => spawn(body, [], { initTimeoutMs }));
    await refuses("on", [...but(undefined, 7), -1, 1.5], (on) => spawn(body, [], { on }));
    await refuses("mailbox", but(undefined, empty), (mailbox) => spawn(body, [], { mailbox }));
    await refuses("limit", [...but(undefined, 7), 0], (limit) => spawn(body, [], { mailbox: { limit } }));
    await refuses("overflow", but(undefined), (overflow) => spawn(body, [], { mailbox: { overflow } }));
  },
  async genServer() {
    await refuses("callbacks", anything, (callbacks) => genServer(callbacks));
    await refuses("init", noFunction, (init) => genServer({ init }));
    for (const name of ["handleCall", "handleCast", "handleInfo", "handleContinue", "handleTimeout", "terminate"])
      await refuses(name, but(undefined, "function"), (callback) => genServer({ init: () => 0, [name]: callback }));
  },
  async startWith() {
    await refuses("next", but(empty), (next) => startWith(0, next));
    await refuses("idleTimeoutMs", but(undefined, 7), (idleTimeoutMs) => startWith(0, { idleTimeoutMs }));
  },
  async genStatem() {
    await refuses("callbacks", anything, (callbacks) => genStatem(callbacks));
    const init = () => ({ state: "a", data: 0 });
    await refuses("init", noFunction, (wrong) => genStatem({ init: wrong, states: {} }));
    await refuses("states", but(empty), (states) => genStatem({ init, states }));
    await refuses("a state", noFunction, (a) => genStatem({ init, states: { a } }));
    await refuses("handleEvent", noFunction, (handleEvent) => genStatem({ init, handleEvent }));
    await refuses("both", [{}], (states) => genStatem({ init, states, handleEvent: () => {} }));
    await refuses("enterCalls", but(undefined), (enterCalls) => genStatem({ init, states: {}, enterCalls }));
    await refuses("terminate", but(undefined, "function"), (terminate) => genStatem({ init, states: {}, terminate }));
  },
  async stop() {
    await refuses("server", noAddress, (server) => stop(server));
    await refuses("timeout", but(undefined, 7), (timeoutMs) => stop(pid, "normal", timeoutMs));
  },
  async "requests to servers"() {
    for (const ask of [getState, suspend, resume]) {
      await refuses(ask.name, noAddress, (of) => ask(of));
      await refuses(`${ask.name} timeout`, but(undefined, 7), (timeoutMs) => ask(server, timeoutMs));
    }
    await refuses("replaceState", noAddress, (of) => replaceState(of, () => 0));
    await refuses("its change", noFunction, (change) => replaceState(server, change));
    await refuses("its timeout", but(undefined, 7), (timeoutMs) => replaceState(server, () => 0, timeoutMs));
    await refuses("a machine's", anything, (state) => replaceState(machine, () => state));
    await refuses(
      "its state",
      anything.filter((value) => value !== "a"),
      (state) => replaceState(machine, () => ({ state, data: 0 })),
    );
    await refuses("a supervisor's", [0], (state) => replaceState(tree, () => state));
    await refuses("trace", noAddress, (of) => trace(of, () => {}));
    await refuses("its listener", noFunction, (listener) => trace(server, listener));
    await refuses("its timeout", but(undefined, 7), (timeoutMs) => trace(server, () => {}, timeoutMs));
    assert.equal(await getState(server), 0);
    assert.deepEqual(await getState(machine), { state: "a", data: 0 });
  },
  async observe() {
    await refuses("options", but(undefined, empty), (options) => observe(options));
    await refuses("limit", [...but(undefined, 7), -1, "7"], (limit) => observe({ limit }));
    await refuses("timeoutMs", but(undefined, 7), (timeoutMs) => observe({ timeoutMs }));
  },
  async setCrashReporter() {
    await refuses("reporter", but(undefined, "function"), (report) => setCrashReporter(report));
  },
  async setSupervisorReporter() {
    await refuses("reporter", but(undefined, "function"), (report) => setSupervisorReporter(report));
  },
  async setMailboxLimits() {
    await refuses("limits", but(empty), (limits) => setMailboxLimits(limits));
    await refuses("limit", [...but(undefined, 7), 0, -1, 1.5, -Infinity], (limit) => setMailboxLimits({ limit }));
    await refuses("overflow", but(undefined), (overflow) => setMailboxLimits({ overflow }));
  },
  async setRunawayBudget() {
    await refuses("budget", [...but(), "200", [200]], (budgetMs) => setRunawayBudget(budgetMs));
  },
  async setSchedulerThreads() {
    await refuses("threads", [...but(7), "7", 0, 1.5], (threads) => setSchedulerThreads(threads));
  },
};
