import assert from "node:assert/strict";
import { test } from "node:test";
import { configFilePath, resolveConfig, type ConfigFile } from "../../src/config/config.ts";
import { refusal, resolved } from "./support.ts";

function unknownInFile(file: Record<string, unknown>): string {
  return refusal("CONFIG_UNKNOWN_SETTING", () => resolved({ file }));
}

function fileWith(settings: Record<string, unknown>): ConfigFile {
  return { path: "/srv/heddle.config.mts", settings };
}

test("a flag comes before the environment, the environment before the file, the file before the default", () => {
  const file = { timeout: "3s" };
  const env = { HEDDLE_TIMEOUT: "2s" };
  assert.equal(resolved({ argv: ["--timeout", "1s"], env, file }).timeoutMs, 1000);
  assert.equal(resolved({ env, file }).timeoutMs, 2000);
  assert.equal(resolved({ file }).timeoutMs, 3000);
  assert.equal(resolved().timeoutMs, 30_000);
});

test("a flag given twice counts as given last", () => {
  assert.equal(resolved({ argv: ["-w", "2", "--workers", "5"] }).workers, 5);
});

test("an empty variable counts as unset", () => {
  assert.equal(resolved({ env: { HEDDLE_WORKERS: "", PORT: "" } }).workers, 3);
});

test("a bad value is refused with where it stands, what it is and what would be right", () => {
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => resolved({ argv: ["--timeout", "soon"] })),
    '--timeout: got "soon"; expected a duration such as 500ms, 2s or 1m (a bare number is milliseconds)',
  );
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => resolved({ env: { HEDDLE_WORKERS: "0" } })),
    'HEDDLE_WORKERS in the environment: got "0" (it is less than 1); expected a whole number from 1 to 1024',
  );
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => resolved({ file: { limitBody: "1 pound" } })),
    'limitBody in heddle.config.ts: got "1 pound"; expected a size such as 64KiB or 1MiB (a bare number is bytes)',
  );
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => resolved({ env: { PORT: "http" } })),
    'PORT in the environment: got "http"; expected a port number from 0 to 65535',
  );
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => resolved({ argv: ["--model", "thread"] })),
    '--model: got "thread"; expected one of loop, sync, threads, thread-per-request, tasks, actors; did you mean threads?',
  );
});

test("an unknown variable is refused with the nearest one there is", () => {
  assert.equal(
    refusal("CONFIG_UNKNOWN_SETTING", () => resolved({ env: { HEDDLE_TIMEOTU: "1s" } })),
    "HEDDLE_TIMEOTU in the environment is not a setting; did you mean HEDDLE_TIMEOUT?",
  );
});

test("an unknown name in the config file is refused with the nearest one there is", () => {
  assert.equal(unknownInFile({ wrokers: 2 }), "wrokers in heddle.config.ts is not a setting; did you mean workers?");
  assert.equal(
    unknownInFile({ timeoutMs: 2 }),
    "timeoutMs in heddle.config.ts is not a setting; did you mean timeout?",
  );
  assert.equal(unknownInFile({ config: "x" }).startsWith("config in heddle.config.ts is not a setting"), true);
});

test("workers and threads default to one event loop for each CPU, in workers unless threads are asked for", () => {
  const shape = (...argv: string[]): string => {
    const { workers, threads } = resolved({ argv });
    return `${workers} x ${threads.min}:${threads.max}`;
  };
  assert.equal(shape(), "3 x 1:1");
  assert.equal(shape("--workers", "2"), "2 x 1:1");
  assert.equal(shape("--threads", "2"), "1 x 2:2");
  assert.equal(shape("--threads", "1"), "1 x 1:1");
  assert.equal(shape("--workers", "2", "--threads", "4"), "2 x 4:4");
  assert.equal(shape("--model", "sync"), "1 x 1:1");
  assert.equal(shape("--model", "threads"), "1 x 3:3");
  assert.equal(shape("--model", "thread-per-request", "--workers", "2"), "2 x 3:3");
});

test("with a port for a debugger there is no timeout, unless it is given: a breakpoint is no blocked loop", () => {
  assert.equal(resolved({ argv: ["--inspect", "9229"] }).timeoutMs, 0);
  assert.equal(resolved({ argv: ["--inspect", "9229", "--timeout", "5s"] }).timeoutMs, 5000);
});

test("the log format defaults to what the output is", () => {
  assert.equal(resolved({ isTTY: true }).logFormat, "pretty");
  assert.equal(resolved().logFormat, "json");
  assert.equal(resolved({ isTTY: true, argv: ["--log-format=json"] }).logFormat, "json");
});

test("paths are relative to the working directory, and the control socket may be off", () => {
  const config = resolved({ argv: ["--pid-file", "run/x.pid", "--control", "../c.sock"] });
  assert.equal(config.app, "/srv/app.ts");
  assert.equal(config.pidFile, "/srv/run/x.pid");
  assert.equal(config.control, "/c.sock");
  assert.equal(resolved({ argv: ["--control=off"] }).control, "off");
  assert.equal("control" in resolved(), false);
});

test("a TLS certificate needs its key, and a key its certificate", () => {
  assert.equal(
    refusal("CONFIG_CONFLICT", () => resolved({ argv: ["--tls-cert", "a.pem"] })),
    "got --tls-cert without --tls-key; expected both, or neither for plain HTTP",
  );
  refusal("CONFIG_CONFLICT", () => resolved({ file: { tlsKey: "a.pem" } }));
  assert.equal(resolved({ argv: ["--tls-cert", "a", "--tls-key", "b"] }).tlsKey, "/srv/b");
});

test("the app may stand in the config file, and must stand somewhere", () => {
  const sources = { flags: {}, env: {}, cwd: "/srv", pid: 1, isTTY: false, cpus: 1 };
  assert.equal(resolveConfig({ ...sources, file: fileWith({ app: "main.ts" }) }).app, "/srv/main.ts");
  assert.equal(
    refusal("CLI_USAGE", () => resolveConfig(sources)),
    "got no app; expected its module, as in heddle serve app.ts, or app in heddle.config.ts",
  );
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => resolveConfig({ ...sources, file: fileWith({ app: 4 }) })),
    'app in heddle.config.mts: got 4; expected the path of a module, such as "app.ts"',
  );
});

test("the config crosses a process boundary unchanged, as JSON and as a structured clone", () => {
  const config = resolved({ argv: ["-l", "unix:x?mode=0660"], file: { routes: { "/a": { threads: "1:2" } } } });
  assert.deepEqual(JSON.parse(JSON.stringify(config)), config);
  assert.deepEqual(structuredClone(config), config);
  assert.equal(config.configFile, "/srv/heddle.config.ts");
});

test("the config file is named by the flag, else by the environment", () => {
  const env = { HEDDLE_CONFIG: "b.ts" };
  assert.equal(configFilePath({ config: ["a.ts"] }, env, "/srv"), "/srv/a.ts");
  assert.equal(configFilePath({}, env, "/srv"), "/srv/b.ts");
  assert.equal(configFilePath({}, {}, "/srv"), undefined);
});
