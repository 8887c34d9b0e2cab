import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { isLoopback, makeGuards } from "./guards.ts";

function request(host: string | undefined, origin?: string, localAddress = "127.0.0.1"): IncomingMessage {
  return { headers: { host, origin }, socket: { localAddress } } as unknown as IncomingMessage;
}

const local = makeGuards({ host: "127.0.0.1", allowedOrigins: [] });
const team = makeGuards({
  host: "0.0.0.0",
  publicUrl: "https://makima.example",
  allowedOrigins: ["https://tools.example"],
});

const hosts: [typeof local, string | undefined, boolean][] = [
  [local, "127.0.0.1:7717", true],
  [local, "localhost:7717", true],
  [local, "LOCALHOST", true],
  [local, "[::1]:7717", true],
  [local, "127.8.9.1:7717", true],
  [local, "evil.example", false],
  [local, "localhost.evil.example", false],
  [local, "127.0.0.1.evil.example:7717", false],
  [local, "127.0.0.1@evil.example", false],
  [local, "evil.example#127.0.0.1", false],
  [local, "192.168.1.5:7717", false],
  [local, "", false],
  [local, undefined, false],
  [team, "makima.example", true],
  [team, "makima.example:443", true],
  [team, "other.example", false],
];

for (const [guards, host, passes] of hosts) {
  test(`Host ${JSON.stringify(host)} ${passes ? "passes" : "is refused"}`, () => {
    assert.equal(guards.check(request(host))?.code, passes ? undefined : "FORBIDDEN");
  });
}

test("an address that the connection came in on is no rebound name", () => {
  assert.equal(team.check(request("10.1.2.3:7717", undefined, "::ffff:10.1.2.3")), undefined);
  assert.equal(team.check(request("10.1.2.4:7717", undefined, "::ffff:10.1.2.3"))?.code, "FORBIDDEN");
});

const origins: [typeof local, string, string, boolean][] = [
  [local, "127.0.0.1:7717", "http://127.0.0.1:7717", true],
  [local, "localhost:80", "http://localhost", true],
  [local, "127.0.0.1:7717", "http://127.0.0.1:8080", false],
  [local, "127.0.0.1:7717", "http://localhost:7717", false],
  [local, "127.0.0.1:7717", "https://evil.example", false],
  [local, "127.0.0.1:7717", "null", false],
  [local, "127.0.0.1:7717", "file://", false],
  [local, "127.0.0.1:7717", "chrome-extension://abcdef", false],
  [team, "makima.example", "https://makima.example", true],
  [team, "127.0.0.1:7717", "https://makima.example", true],
  [team, "makima.example", "https://tools.example", true],
  [team, "makima.example", "https://tools.example.evil.example", false],
];

for (const [guards, host, origin, passes] of origins) {
  test(`a page of ${origin} ${passes ? "may" : "may not"} call ${host}`, () => {
    assert.equal(guards.check(request(host, origin))?.code, passes ? undefined : "FORBIDDEN");
  });
}

test("loopback is what only this machine reaches", () => {
  for (const host of ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
    assert.ok(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "192.168.0.1", "makima.example", "127.evil.example"]) {
    assert.ok(!isLoopback(host), host);
  }
});
