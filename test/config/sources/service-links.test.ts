import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ConfigSources, parseArguments, resolveConfig } from "../../../src/config/config.ts";
import { serviceLinks, tellLinks, withoutLinks } from "../../../src/config/sources/service-links.ts";
import { refusal } from "../support.ts";

/** As kubelet sets them for one Service. */
function ofService(
  prefix: string,
  { host = "10.0.0.1", port = 8000, protocol = "tcp", portName = "" } = {},
): Record<string, string> {
  const url = `${protocol}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const one = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
  return {
    [`${prefix}_SERVICE_HOST`]: host,
    [`${prefix}_SERVICE_PORT`]: `${port}`,
    ...(portName !== "" && { [`${prefix}_SERVICE_PORT_${portName}`]: `${port}` }),
    [`${prefix}_PORT`]: url,
    [one]: url,
    [`${one}_PROTO`]: protocol,
    [`${one}_PORT`]: `${port}`,
    [`${one}_ADDR`]: host,
  };
}

function sourcesOf(env: Record<string, string>, argv: readonly string[] = []): ConfigSources {
  const { flags } = parseArguments(argv);
  return {
    app: "app.ts",
    flags,
    env: withoutLinks(env, serviceLinks(env)),
    cwd: "/srv",
    pid: 1,
    isTTY: false,
    cpus: 1,
  };
}

function told(env: Record<string, string>, argv?: readonly string[]): string {
  return tellLinks(serviceLinks(env)!, sourcesOf(env, argv));
}

describe("variables that Kubernetes sets for a Service", () => {
  const services: readonly (readonly [string, string, Record<string, string>])[] = [
    ["heddle", "heddle", ofService("HEDDLE", { portName: "HTTP" })],
    ["heddle-web", "heddle-web", ofService("HEDDLE_WEB")],
    ["of IPv6", "heddle", ofService("HEDDLE", { host: "fd00::1", port: 80 })],
    ["of UDP", "heddle-dns", ofService("HEDDLE_DNS", { protocol: "udp", port: 53 })],
    ["of SCTP", "heddle", ofService("HEDDLE", { protocol: "sctp", port: 3868 })],
    ["with a setting's name", "heddle-health", ofService("HEDDLE_HEALTH", { portName: "METRICS_2" })],
    ["that is called as a part of the variables is", "heddle-port", ofService("HEDDLE_PORT")],
  ];
  for (const [what, service, env] of services) {
    test(`are no settings: a Service ${what}`, () => {
      const links = serviceLinks({ ...env, PATH: "/bin" });
      assert.deepEqual(links, { services: [service], names: Object.keys(env).sort() });
      const { listen, given } = resolveConfig(sourcesOf(env));
      assert.deepEqual([listen, given], [[{ kind: "tcp", host: "127.0.0.1", port: 8000 }], []]);
    });
  }

  test("are recognised with several Services, ports and protocols at once", () => {
    const env = {
      ...ofService("HEDDLE", { portName: "HTTP" }),
      ...ofService("HEDDLE", { port: 53, protocol: "udp", portName: "DNS" }),
      ...ofService("HEDDLE_QUEUE"),
      ...ofService("HEDDLE_CONTROL"),
    };
    const { services, names } = serviceLinks(env)!;
    assert.deepEqual(services, ["heddle", "heddle-control", "heddle-queue"]);
    assert.deepEqual(names, Object.keys(env).sort());
  });

  test("leave a setting alone that the pod itself gives under such a name", () => {
    const env = { ...ofService("HEDDLE"), HEDDLE_PORT: "8080" };
    assert.ok(!serviceLinks(env)!.names.includes("HEDDLE_PORT"));
    assert.deepEqual(resolveConfig(sourcesOf(env)).listen, [{ kind: "tcp", host: "127.0.0.1", port: 8080 }]);
  });

  test("leave settings alone that nobody would take for one", () => {
    const env = { ...ofService("HEDDLE"), HEDDLE_WORKERS: "2", HEDDLE_HEALTH_PORT: "8001", HEDDLE_HOST: "10.0.0.9" };
    assert.deepEqual(resolveConfig(sourcesOf(env)).given, ["host", "workers", "healthPort"]);
  });

  test("do not hide a misspelt setting", () => {
    for (const [name, value] of [
      ["HEDDLE_WORKERZ", "2"],
      ["HEDDLE_HEALT_PORT", "8001"],
      ["HEDDLE_SERVICE_PORTS", "8001"],
      ["HEDDLE_ENV_NAME", "x"],
    ] as const) {
      const env = { ...ofService("HEDDLE"), [name]: value };
      assert.match(
        refusal("CONFIG_UNKNOWN_SETTING", () => resolveConfig(sourcesOf(env))),
        new RegExp(`^${name} in the environment is not a setting`),
      );
    }
  });

  test("are none without the Service's address, or with one that no Service has", () => {
    for (const env of [
      { HEDDLE_SERVICE_PORT: "8000" },
      { HEDDLE_SERVICE_HOST: "db.example" },
      { HEDDLE_PORT: "tcp://0.0.0.0:8000" },
      { HEDDLE_PORT: "tcp://127.0.0.1:8000" },
      { HEDDLE_PORT: "http://10.0.0.1:8000" },
      { HEDDLE_PORT: "tcp://10.0.0.1:80000" },
      { HEDDLE_PORT: "tcp://db:8000" },
      { HEDDLE_PORT: "8000" },
      { PORT: "tcp://10.0.0.1:8000" },
    ]) {
      assert.equal(serviceLinks(env), undefined, JSON.stringify(env));
    }
  });

  test("are told with what ends it, and with the source of a setting whose name they take", () => {
    const env = { ...ofService("HEDDLE"), PORT: "8080" };
    const message = told(env);
    assert.match(message, /HEDDLE_PORT, HEDDLE_PORT_8000_TCP, .*HEDDLE_SERVICE_PORT\. .*the Service "heddle"/);
    assert.match(message, /enableServiceLinks: false/);
    assert.match(message, / --port is "8080": PORT in the environment\.$/);
    assert.match(told(ofService("HEDDLE")), / --port is 8000: the default of --port\.$/);
    assert.match(told(env, ["-p", "9000"]), / --port is "9000": --port\.$/);
    assert.match(told(ofService("HEDDLE_HEALTH")), / --health-port is not set\.$/);
    assert.doesNotMatch(told(env, ["--listen", ":9000"]), /--port is/);
  });
});

test("variables of Docker's links are no settings either", () => {
  const env = {
    HEDDLE_NAME: "/web/heddle",
    HEDDLE_ENV_NODE_VERSION: "26.10.0",
    HEDDLE_PORT: "tcp://172.17.0.2:8000",
    HEDDLE_PORT_8000_TCP: "tcp://172.17.0.2:8000",
    HEDDLE_PORT_8000_TCP_ADDR: "172.17.0.2",
    HEDDLE_PORT_8000_TCP_PORT: "8000",
    HEDDLE_PORT_8000_TCP_PROTO: "tcp",
    HEDDLE_PORT_8000_TCP_START: "tcp://172.17.0.2:8000",
    HEDDLE_PORT_8000_TCP_PORT_START: "8000",
    HEDDLE_PORT_8000_TCP_END: "tcp://172.17.0.2:8010",
    HEDDLE_PORT_8000_TCP_PORT_END: "8010",
  };
  assert.deepEqual(serviceLinks(env)?.names, Object.keys(env).sort());
  assert.deepEqual(serviceLinks({ ...env, HEDDLE_ENV_FILE: ".env" })?.names, Object.keys(env).sort());
});
