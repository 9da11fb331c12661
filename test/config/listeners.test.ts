import assert from "node:assert/strict";
import { test } from "node:test";
import { formatListenAddress, type ListenAddress } from "../../src/config/config.ts";
import { parseListenAddress } from "../../src/config/listen-address.ts";
import { refusal, resolved, type Said } from "./support.ts";

function parsed(text: string): ListenAddress | string {
  return parseListenAddress(text, "/srv");
}

function listening(said: Said): readonly string[] {
  return resolved(said).listen.map(formatListenAddress);
}

test("every way to write an address is read, and shown again as it is written", () => {
  assert.deepEqual(parsed("127.0.0.1:80"), { kind: "tcp", host: "127.0.0.1", port: 80 });
  assert.deepEqual(parsed("example.org:0"), { kind: "tcp", host: "example.org", port: 0 });
  assert.deepEqual(parsed(":8080"), { kind: "tcp", host: "0.0.0.0", port: 8080 });
  assert.deepEqual(parsed("[::1]:80"), { kind: "tcp", host: "::1", port: 80 });
  assert.deepEqual(parsed("unix:/run/a.sock"), { kind: "unix", path: "/run/a.sock" });
  assert.deepEqual(parsed("unix:a.sock?mode=0660"), { kind: "unix", path: "/srv/a.sock", mode: 0o660 });
  assert.deepEqual(parsed("fd://3"), { kind: "fd", fd: 3 });
  for (const text of ["127.0.0.1:80", "[::1]:80", "unix:/run/a.sock", "fd://3"]) {
    const address = parsed(text);
    assert.ok(typeof address !== "string");
    assert.equal(formatListenAddress(address), text);
  }
});

test("an address that cannot be listened on is refused with the reason", () => {
  const reasons: Readonly<Record<string, RegExp>> = {
    localhost: /it has no port/,
    "8080": /a port alone is written :8080/,
    "http://localhost:80": /it is an address, not a URL/,
    "localhost:http": /its port is not a number from 0 to 65535/,
    ":70000": /its port is not a number from 0 to 65535/,
    "::1:80": /an IPv6 address must be in brackets/,
    "a b:80": /characters that are not allowed in a host name/,
    "unix:": /it has no path after unix:/,
    "unix:/a?mode=999": /octal mode/,
    "unix:/a?mode=0660?mode=0600": /octal mode/,
    "unix:/a?owner=me": /octal mode/,
    [`unix:/${"a".repeat(120)}`]: /its path is 121 bytes long and a socket's may be 10[37]/,
    "fd://2": /stdin, stdout and stderr/,
    "fd://x": /must be followed by a number/,
  };
  for (const [text, reason] of Object.entries(reasons)) {
    assert.match(
      refusal("CONFIG_BAD_VALUE", () => resolved({ argv: ["--listen", text] })),
      reason,
    );
  }
});

test("without anything said it listens on 127.0.0.1:8000, and PORT changes only the port", () => {
  assert.deepEqual(resolved().listen, [{ kind: "tcp", host: "127.0.0.1", port: 8000 }]);
  assert.deepEqual(resolved({ env: { PORT: "9000" } }).listen, [{ kind: "tcp", host: "127.0.0.1", port: 9000 }]);
  const env = { PORT: "9000", HEDDLE_PORT: "9001", HEDDLE_HOST: "::" };
  assert.deepEqual(resolved({ env }).listen, [{ kind: "tcp", host: "::", port: 9001 }]);
});

test("--listen collects addresses; in the environment commas separate them", () => {
  const expected = [
    { kind: "tcp", host: "0.0.0.0", port: 1 },
    { kind: "fd", fd: 4 },
  ];
  assert.deepEqual(resolved({ argv: ["-l", ":1", "-l", "fd://4"] }).listen, expected);
  assert.deepEqual(resolved({ env: { HEDDLE_LISTEN: ":1, fd://4" } }).listen, expected);
  assert.deepEqual(resolved({ file: { listen: [":1", "fd://4"] } }).listen, expected);
});

test("an address and a port from one source are a conflict", () => {
  assert.equal(
    refusal("CONFIG_CONFLICT", () => resolved({ argv: ["--listen", ":1", "--port", "2"] })),
    "got both --listen and --port; expected one: an address holds host and port, as in 127.0.0.1:2",
  );
  refusal("CONFIG_CONFLICT", () => resolved({ argv: ["--listen", ":1", "--host", "::"] }));
  refusal("CONFIG_CONFLICT", () => resolved({ env: { HEDDLE_LISTEN: ":1", HEDDLE_PORT: "2" } }));
  refusal("CONFIG_CONFLICT", () => resolved({ file: { listen: ":1", host: "::" } }));
});

test("an address and a port from two sources are not: the source that comes first decides", () => {
  assert.deepEqual(listening({ argv: ["--listen", ":1"], env: { PORT: "2" } }), ["0.0.0.0:1"]);
  assert.deepEqual(listening({ argv: ["--port", "1"], file: { listen: ":2" } }), ["127.0.0.1:1"]);
  assert.deepEqual(listening({ env: { HEDDLE_LISTEN: ":1", PORT: "2" } }), ["0.0.0.0:1"]);
});

test("sockets from systemd are used when they are for this process and no flag says otherwise", () => {
  const env = { LISTEN_FDS: "2", LISTEN_PID: "41", PORT: "9000" };
  const passed = [
    { kind: "fd", fd: 3 },
    { kind: "fd", fd: 4 },
  ];
  assert.deepEqual(resolved({ env, file: { port: 5 } }).listen, passed);
  assert.deepEqual(resolved({ env, argv: ["--port", "1"] }).listen, [{ kind: "tcp", host: "127.0.0.1", port: 1 }]);
  assert.deepEqual(resolved({ env: { LISTEN_FDS: "2", LISTEN_PID: "42" } }).listen, resolved().listen);
  assert.deepEqual(resolved({ env: { LISTEN_FDS: "x", LISTEN_PID: "41" } }).listen, resolved().listen);
});
