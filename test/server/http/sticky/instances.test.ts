import assert from "node:assert/strict";
import { test } from "node:test";
import { Instances, newInstanceName, rendezvous } from "../../../../src/server/http/sticky/instances.ts";
import { STICKY_COOKIE } from "../../../../src/server/http/sticky/sticky-cookie.ts";

const SEATS = ["0.0", "0.1", "1.0", "1.1"];
const ADDRESSES = Array.from({ length: 4000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);

function named(seats: readonly string[]): string[] {
  return seats.map((seat) => newInstanceName(Number(seat.split(".")[0]), Number(seat.split(".")[1])));
}

function knowing(self: string, names: readonly string[]): Instances {
  const instances = new Instances(self);
  instances.know(names);
  return instances;
}

test("addresses are spread over the instances evenly", () => {
  const counts = new Map<string, number>();
  for (const address of ADDRESSES) {
    const name = rendezvous(
      address,
      SEATS.map((seat) => `${seat}.x`),
    )!;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const count of counts.values()) assert.ok(count > 900 && count < 1100, `${count} of 4000`);
});

test("a new instance moves only the clients that it gets", () => {
  const before = named(SEATS);
  const after = [...before, newInstanceName(2, 0)];
  let moved = 0;
  for (const address of ADDRESSES) {
    const [from, to] = [rendezvous(address, before), rendezvous(address, after)];
    if (from === to) continue;
    assert.equal(to, after.at(-1));
    moved++;
  }
  assert.ok(moved > 700 && moved < 900, `${moved} of 4000 moved`);
});

test("an instance that goes moves only its own clients", () => {
  const before = named(SEATS);
  for (const address of ADDRESSES) {
    const from = rendezvous(address, before);
    if (from !== before[2]) assert.equal(rendezvous(address, before.toSpliced(2, 1)), from);
  }
});

test("a reload moves no address to another seat", () => {
  const [old, young] = [named(SEATS), named(SEATS)];
  for (const address of ADDRESSES)
    assert.equal(old.indexOf(rendezvous(address, old)!), young.indexOf(rendezvous(address, young)!));
});

test("a cookie leads to the instance that it names, if that lives", () => {
  const [self, other, gone] = named(SEATS) as [string, string, string];
  const instances = knowing(self, [self, other]);
  const choose = (cookie: string): string | undefined => instances.choose("cookie", { cookie, address: "10.0.0.1" });
  assert.equal(choose(`${STICKY_COOKIE}=${other}`), other);
  assert.equal(choose(`a=b; ${STICKY_COOKIE}=${other}; c=d`), other);
  assert.equal(choose(`${STICKY_COOKIE}=${self}`), undefined);
  assert.equal(choose(`${STICKY_COOKIE}=${gone}`), undefined, "it is served here");
  assert.equal(choose(`${STICKY_COOKIE}=../../etc/passwd`), undefined);
  assert.equal(choose(`x${STICKY_COOKIE}=${other}`), undefined, "another cookie");
  assert.equal(choose(`${STICKY_COOKIE}=${gone}; ${STICKY_COOKIE}=${other}`), other, "an old one of another path");
});

test("a client without a cookie is served where it is", () => {
  const [self, other] = named(SEATS) as [string, string];
  assert.equal(knowing(self, [self, other]).choose("cookie", { cookie: undefined, address: "10.0.0.1" }), undefined);
});

test("an instance that leaves leads all clients to those that stay", () => {
  const [self, other] = named(SEATS) as [string, string];
  const instances = knowing(self, [other]);
  const cookie = `${STICKY_COOKIE}=${self}`;
  for (const address of ["10.0.0.1", undefined]) assert.equal(instances.choose("cookie", { cookie, address }), other);
  assert.equal(instances.choose("ip", { cookie: undefined, address: "10.0.0.1" }), other);
});

test("when nobody stays, each request is served where it is", () => {
  const [self] = named(SEATS) as [string];
  const instances = knowing(self, []);
  assert.equal(instances.choose("cookie", { cookie: `${STICKY_COOKIE}=${self}`, address: "10.0.0.1" }), undefined);
  assert.equal(instances.choose("ip", { cookie: undefined, address: "10.0.0.1" }), undefined);
});

test("all instances send an address to the same one, and a client without an address stays where it is", () => {
  const names = named(SEATS);
  const chosen = names.map(
    (self) => knowing(self, names).choose("ip", { cookie: undefined, address: "10.0.0.7" }) ?? self,
  );
  assert.equal(new Set(chosen).size, 1);
  assert.equal(knowing(names[0]!, names).choose("ip", { cookie: undefined, address: undefined }), undefined);
});

test("an instance that can't be reached is not chosen until the next list has it", () => {
  const [self, other] = named(SEATS) as [string, string];
  const instances = knowing(self, [self, other]);
  const asker = { cookie: `${STICKY_COOKIE}=${other}`, address: undefined };
  instances.forget(other);
  assert.equal(instances.choose("cookie", asker), undefined);
  instances.know([self, other]);
  assert.equal(instances.choose("cookie", asker), other);
});
