import assert from "node:assert/strict";
import { test } from "node:test";
import { defineConfig, helpText, nearest, settingGroups } from "../../src/config/config.ts";
import { readValue } from "../../src/config/setting-value.ts";
import { envName, fileName, settingEntries, settings } from "../../src/config/settings.ts";
import { refusal, resolved } from "./support.ts";

test("no two settings share a field, a flag or a letter", () => {
  const total = settingGroups.reduce((sum, group) => sum + Object.keys(group.settings).length, 0);
  assert.equal(settingEntries.length, total);
  const names = settingEntries.flatMap(([, { flag, short }]) => (short === undefined ? [flag] : [flag, short]));
  assert.equal(new Set(names).size, names.length);
});

test("every default is a value its own setting would take", () => {
  for (const [, setting] of settingEntries) {
    if (setting.default !== undefined) readValue(setting, { raw: setting.default, origin: setting.flag }, "/srv");
  }
});

test("the variable and the name in the file follow from the flag", () => {
  assert.equal(envName(settings.gracefulTimeoutMs), "HEDDLE_GRACEFUL_TIMEOUT");
  assert.equal(fileName(settings.gracefulTimeoutMs), "gracefulTimeout");
  assert.equal(fileName(settings.requestLineBytes), "limitRequestLine");
});

test("every setting can be given by each of its three names", () => {
  const samples = {
    text: "x",
    path: "x",
    control: "x",
    boolean: "true",
    port: "1",
    count: "300",
    limit: "adaptive:30",
    duration: "1s",
    size: "1KiB",
  };
  const more = { range: "2", recycling: "20", runaways: "off", addresses: ":1", paths: "x" };
  for (const [name, setting] of settingEntries) {
    if (["host", "port", "listen", "configFile", "tlsCert", "tlsKey"].includes(name)) continue;
    const text =
      setting.kind === "choice"
        ? (setting.choices?.find((choice) => choice !== setting.default && choice !== "json") ?? "")
        : { ...samples, ...more }[setting.kind];
    const byFlag = resolved({ argv: [`--${setting.flag}=${text}`] });
    // The config file is found in it.
    if (name === "chdir") continue;
    const { configFile: _file, ...byFile } = resolved({ file: { [fileName(setting)]: text } });
    assert.deepEqual(resolved({ env: { [envName(setting)]: text } }), byFlag, name);
    assert.deepEqual(byFile, byFlag, name);
    assert.notDeepEqual(byFlag, resolved(), name);
  }
});

test("--help tells every flag with its default and stays within the width", () => {
  const help = helpText(80);
  for (const [, { flag, kind }] of settingEntries) {
    assert.ok(help.includes(kind === "boolean" ? `--[no-]${flag}` : `--${flag} <`), flag);
  }
  assert.match(help, /-p, --port <PORT>.*\n.*\[8000\]/);
  const listing = help.split("Times are")[0] ?? "";
  assert.ok(listing.split("\n").every((line) => line.length <= 80));
});

test("the nearest name allows for swapped letters, and a wild guess is no guess", () => {
  assert.equal(nearest("prot", ["host", "port"]), "port");
  assert.equal(nearest("timeuot", ["timeout", "boot-timeout"]), "timeout");
  assert.equal(nearest("x", ["tls-key", "port"]), undefined);
  assert.equal(nearest("zz", ["ab", "cd"]), undefined);
});

test("defineConfig gives back what it got, and its types know the settings", () => {
  const config = defineConfig({ timeout: "5s", model: "threads", routes: { "/a": { threads: "1:4" } } });
  assert.equal(config.timeout, "5s");
  // @ts-expect-error: no such setting
  const misspelt = defineConfig({ timeuot: "5s" });
  // @ts-expect-error: no such unit
  defineConfig({ timeout: "5 seconds" });
  refusal("CONFIG_UNKNOWN_SETTING", () => resolved({ file: misspelt }));
});
