/** Names, groups, registries, tables. */

import assert from "node:assert/strict";
import * as actors from "../../../src/actors/index.ts";
import {
  anything,
  body,
  but,
  empty,
  keyed,
  noFunction,
  noPid,
  noText,
  pid,
  refusal,
  refuses,
  type Border,
} from "./refuses.ts";

const { createTable, groups, openTable, register, registry, singleton, spawn, unregister, via, whereis } =
  actors as Readonly<Record<string, any>>;

export const names: Border = {
  async register() {
    await refuses("name", noText, (name) => register(name, pid));
    await refuses("pid", noPid, (of) => register("a name", of));
    assert.equal(whereis("a name"), undefined);
  },
  async unregister() {
    await refuses("name", noText, (name) => unregister(name));
  },
  async whereis() {
    await refuses("name", noText, (name) => whereis(name));
  },
  async singleton() {
    await refuses("name", [...noText, ""], (name) => singleton(name, body));
    await refuses("function", noFunction, (what) => singleton("a name", what));
  },
  async groups() {
    for (const verb of ["join", "leave"]) {
      await refuses(`${verb} group`, noText, (group) => groups[verb](group, pid));
      await refuses(`${verb} pid`, noPid, (of) => groups[verb]("group", of));
    }
    for (const verb of ["members", "localMembers", "publish"])
      await refuses(verb, noText, (group) => groups[verb](group));
  },
  async registry() {
    await refuses("name", [...noText, ""], (name) => registry(name));
    await refuses("options", but(undefined, empty), (options) => registry("border", options));
    await refuses("keys", but(undefined), (keys) => registry("border", { keys }));
    await refuses("other keys", ["duplicate"], (keys) => registry("border", { keys }));
    for (const verb of ["register", "unregister", "setValue"] as const) {
      await refuses(`${verb} key`, but(7, "string"), (key) => keyed[verb](key, pid, 1));
      await refuses(`${verb} pid`, noPid, (of) => keyed[verb]("key", of, 1));
    }
    assert.equal((await refusal(() => keyed.register("key", pid, () => {}))).code, "NOT_CLONEABLE");
    for (const verb of ["lookup", "whereis", "publish"] as const)
      await refuses(verb, but(7, "string"), (key) => keyed[verb](key, 1));
    await refuses("keysOf", noPid, (of) => keyed.keysOf(of));
    assert.equal(keyed.size, 0);
  },
  async via() {
    await refuses("registry", anything, (of) => via(of, "key"));
    await refuses("a registry with other keys", ["duplicate"], (keys) =>
      via(registry("border: many", { keys }), "key"),
    );
    await refuses("key", but(7, "string"), (key) => via(keyed, key));
    const code = "NOT_CLONEABLE";
    assert.equal((await refusal(() => spawn(body, [], { name: via(keyed, "key", () => {}) }))).code, code);
  },
  async createTable() {
    await refuses("owner", noPid, (owner) => createTable(owner, "border"));
    await refuses("name", [...noText, ""], (name) => createTable(pid, name));
    await refuses("options", but(undefined, empty), (options) => createTable(pid, "border", options));
    await refuses("access", but(undefined), (access) => createTable(pid, "border", { access }));
    await refuses("heir", but(undefined), (heir) => createTable(pid, "border", { heir }));
    const table = await createTable(pid, "border");
    const noKey = but(7, "string");
    for (const verb of ["get", "has", "delete", "set", "insertNew", "add"])
      await refuses(`${verb} key`, noKey, (key) => table[verb](key, 1));
    await refuses("by", but(7, NaN), (by) => table.add("key", by));
    for (const verb of ["set", "insertNew", "add"]) {
      await refuses(`${verb} options`, but(undefined, empty), (options) => table[verb]("key", 1, options));
      await refuses(`${verb} everywhere`, but(undefined), (everywhere) => table[verb]("key", 1, { everywhere }));
    }
    await refuses("delete options", but(undefined, empty), (options) => table.delete("key", options));
    await refuses("clear options", but(undefined, empty), (options) => table.clear(options));
    assert.equal((await refusal(() => table.set("key", () => {}))).code, "NOT_CLONEABLE");
  },
  async openTable() {
    await refuses("name", [...noText, ""], (name) => openTable(name));
  },
};
