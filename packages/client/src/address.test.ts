import assert from "node:assert/strict";
import { test } from "node:test";
import { httpAddress, isLoopback, socketAddress } from "./address.ts";

test("every way to write a server's address means the same server", () => {
  for (const written of ["ws://h:7717", "http://h:7717/", "h:7717", "ws://user:pw@h:7717/?a#b"]) {
    assert.equal(httpAddress(written), "http://h:7717");
  }
  assert.equal(httpAddress("wss://h/makima/"), "https://h/makima");
  assert.equal(socketAddress("https://h/makima", "/x"), "wss://h/makima/api/v1/x");
  assert.throws(() => httpAddress("ftp://h"), /no address of a server/);
});

test("only addresses of this machine are loopback", () => {
  for (const url of ["http://localhost:1", "http://127.0.0.1", "ws://[::1]:9"])
    assert.equal(isLoopback(url), true);
  for (const url of ["http://127.0.0.1.evil.example", "http://10.0.0.1", "https://h"])
    assert.equal(isLoopback(url), false);
});
