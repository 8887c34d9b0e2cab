import assert from "node:assert/strict";
import { test } from "node:test";
import { isGitError } from "./error.ts";
import { requireRepositoryUrl } from "./repository-url.ts";

const GOOD = [
  "https://github.com/owner/repo.git",
  "https://user@example.com:8443/a/b",
  "ssh://git@example.com:2222/~/repo.git",
  "git@github.com:owner/repo.git",
  "host:path/with space",
  "git@[2001:db8::1]:repo",
  "https://10.0.0.5/internal.git",
];

const BAD = [
  "",
  "--upload-pack=touch /tmp/x",
  "ext::sh -c touch% /tmp/x",
  "fd::17/foo",
  "transport::https://example.com",
  "http://example.com/a",
  "git://example.com/a",
  "ftp://example.com/a",
  "file:///etc",
  "/srv/repo.git",
  "../repo",
  "repo",
  "https://user:secret@example.com/a",
  "https://example.com/a\nb",
  "ssh://-oProxyCommand=touch/x",
  "ssh://-oProxyCommand=x@example.com/a",
  "ssh://%2doProxyCommand=x/a",
  "-oProxyCommand=x:repo",
  "git@-oProxyCommand=x:repo",
  "git@host:-upload",
  "https://169.254.169.254/latest",
  "https://2852039166/latest",
  "https://0xa9fea9fe/latest",
  "https://169.254.1/x",
  "https://[fe80::1]/x",
  "https://[::ffff:169.254.169.254]/x",
  "ssh://2852039166/x",
  "git@169.254.169.254:x",
  "https://metadata.google.internal/x",
  "https://METADATA.google.internal./x",
  "https://[fd00:ec2::254]/x",
  "https://100.100.100.200/x",
];

test("https, ssh and scp-like addresses are taken as they are", () => {
  for (const url of GOOD) assert.equal(requireRepositoryUrl(url, { allowFile: false }), url);
});

for (const url of BAD) {
  test(`${JSON.stringify(url)} is refused with a reason`, () => {
    assert.throws(
      () => requireRepositoryUrl(url, { allowFile: false }),
      (error) => isGitError(error, "unsafe_url") && /because|: .+\. Use/s.test(error.message),
    );
  });
}

test("folders of this host are taken only where that is configured", () => {
  for (const url of ["/srv/repo.git", "file:///srv/repo.git"]) {
    assert.equal(requireRepositoryUrl(url, { allowFile: true }), url);
    assert.throws(() => requireRepositoryUrl(url, { allowFile: false }));
  }
  assert.throws(() => requireRepositoryUrl("file://host/srv", { allowFile: true }));
});
