import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAuthority } from "../../../../src/server/http/parse/authority.ts";

describe("a request's host", () => {
  const hosts = [
    "a",
    "A.Example",
    "example.com:8000",
    "localhost",
    "my_host",
    "_x._y",
    "a-b",
    "-a",
    "example.com.",
    "a..b",
    "foo:",
    "a:0",
    "a:00080",
    "a:65535",
    "1.2.3.4",
    "1.2.3.4:80",
    "a1",
    "1a.b2",
    "1.2.3.a",
    "xn--mnchen-3ya.de",
    "[::1]",
    "[::1]:80",
    "[::1]:",
    "[2001:DB8::7]",
    "[::ffff:1.2.3.4]:80",
    "a!b",
    "a~b",
    "a$b&c",
    "(a)*+;='",
    "a".repeat(300),
  ];
  for (const value of hosts) {
    test(`may be ${JSON.stringify(value)}, which is the host of its URL`, () => {
      assert.ok(isAuthority(value));
      assert.ok(isAuthority(value), "as it was seen before");
      const { host } = new URL(`http://${value}/`);
      if (value.startsWith("[")) assert.match(host, /^\[/);
      else
        assert.equal(
          host,
          value
            .toLowerCase()
            .replace(/:(?:0*80)?$/, "")
            .replace(/:0+(?=\d)/, ":"),
        );
    });
  }

  const none = [
    "",

    "a@b",
    "a:b@c",
    "@",
    "a/b",
    "/",
    "a?b",
    "a#b",
    "a\\b",
    "a, b",
    "a,b",
    "a b",
    "a\tb",
    "http://a",

    "<a>",
    "a|b",
    ":",
    ":80",
    "a:abc",
    "a:99999",
    "a:65536",
    "a:-1",
    "a:+1",
    "a: 80",
    "a:80:80",
    "a:8o",
    "a::",
    "::1",
    "1::2:80",

    "[]",
    "[::1",
    "::1]",
    "[::1]a",
    "[::1]80",
    "[:::]",
    "[::1%25eth0]",
    "[v1.fe80::a]",
    "[1.2.3.4]",
    "[a]",
    "[[::1]]",
    "%61",
    "a%20b",
    "%",
    "a%2fb",
    "ä",
    "a\xff",
    "a\0",
    "a\x7f",
    "a^b",
    'a"b',
    "a{b}",
    "a`b",

    "1",
    "1.2.3",
    "256.1.1.1",
    "1.2.3.4.5",
    "01.2.3.4",
    "0x7f.1",
    "0x10",
    "a.1",
    "a.0x1",
    "1.2.3.4.",
    "1.2.3.4.:80",
  ];
  for (const value of none) {
    test(`is never ${JSON.stringify(value)}`, () => assert.equal(isAuthority(value), false));
  }
});
