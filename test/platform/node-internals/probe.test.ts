import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { HeddleError } from "../../../src/errors/errors.ts";
import { internals, SUPPORTED } from "../../../src/platform/node-internals/index.ts";
import { examineNode, findLacking } from "../../../src/platform/node-internals/probe/probe.ts";
import { lackingNode } from "./lacking-node.ts";

const tried = internals.filter(({ untried }) => untried === undefined);

const ofStreams = [
  "ServerResponse.detachSocket",
  "ServerResponse: socket",
  "ServerResponse: prefinish",
  "ServerResponse.socket",
];
const ofResponses = [
  "ServerResponse._hasBody",
  "ServerResponse._sent100",
  "ServerResponse._closed",
  "ServerResponse._keepAliveTimeout",
  "ServerResponse[kNeedDrain]",
  "ServerResponse.chunkedEncoding",
  "ServerResponse.useChunkedEncodingByDefault",
  "ServerResponse.assignSocket",
  ...ofStreams,
];

/** What cannot be tried without the other. */
const dependents: Readonly<Record<string, readonly string[]>> = {
  "IncomingMessage._addHeaderLines": ["IncomingMessage.headers"],
  "http.Server: listening": ["http.Server.emit"],
  "Socket._handle": ["handle.fd", "handle.writeQueueSize", "handle.bytesWritten"],
  "new IncomingMessage": [
    "IncomingMessage._addHeaderLines",
    "IncomingMessage._consuming",
    "IncomingMessage._read",
    "IncomingMessage._destroy",
    "IncomingMessage.headers",
    "IncomingMessage.signal",
    "Readable.readingMore",
    "Readable.resumeScheduled",
    "Readable.highWaterMark",
    "new ServerResponse",
    ...ofResponses,
  ],
  "new ServerResponse": ofResponses,
  "ServerResponse.assignSocket": ofStreams,
  "ServerResponse.shouldKeepAlive": ["ServerResponse._last", "socket.destroySoon"],
};

test("the package, its command and its messages name the same Nodes", () => {
  const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
  const { engines } = JSON.parse(read("package.json")) as { engines: { node: string } };
  const [, major, minor] = /^const NEEDED = \[(\d+), (\d+)\];$/m.exec(read("bin/heddle.js"))!;
  assert.equal(engines.node, SUPPORTED);
  assert.match(SUPPORTED, new RegExp(`^>=${major}\\.${minor} <\\d+$`));
});

suite("the probe", () => {
  test("finds that this Node has all of it", async () => {
    const surface = { version: process.version, see: <T>(object: T) => object, loadFfi: () => Promise.resolve(true) };
    assert.deepEqual(await findLacking(surface), []);
  });

  for (const { name } of tried) {
    test(`says by name that a Node lacks ${name}`, async () => {
      const { surface, restore } = lackingNode(name);
      try {
        const lacking = await findLacking(surface);
        assert.deepEqual(
          lacking.map((each) => each.name),
          internals.map((each) => each.name).filter((each) => each === name || dependents[name]?.includes(each)),
        );
      } finally {
        restore();
      }
    });
  }

  test("stops a boot for what is needed, with what would go wrong and what to do", async () => {
    const { surface } = lackingNode("ServerResponse._header");
    await assert.rejects(examineNode(surface), (error) => {
      assert.ok(error instanceof HeddleError);
      assert.equal(error.code, "NODE_INTERNALS_MISSING");
      assert.equal(
        error.message,
        "Node v99.0.0 lacks what heddle uses of it: ServerResponse._header (a response could have two heads).",
      );
      assert.match(error.hint!, /^heddle supports Node >=26\.6 <\d+: npm install --save-dev node@26\./);
      return true;
    });
  });

  test("tells of what heddle does without in one line, and goes on", async () => {
    const { surface } = lackingNode("handle.onconnection");
    assert.deepEqual(await examineNode(surface), [
      "Node v99.0.0 has no handle.onconnection: a serving thread keeps every connection that it accepts, however many it has",
    ]);
  });
});
