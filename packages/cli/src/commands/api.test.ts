import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ApiKeyView } from "@makima/protocol/api/auth";
import { FAKE_KEY, fakeServer, FakeProblem } from "../run/testing/fake-server.ts";
import { makima } from "../run/testing/makima.ts";
import { scratch } from "../run/testing/scratch-repository.ts";
import { taskView } from "../run/testing/views.ts";

const WHO = {
  ownerId: "o",
  ownerName: "you",
  role: "admin" as const,
  principal: "person" as const,
  scopes: ["read" as const],
  via: "key" as const,
  taskId: null,
  contractId: null,
};

test("api sends fields where they belong and fetches all pages", async () => {
  await using server = await fakeServer({
    listTasks: ({ query }) => ({
      items: [taskView({ shortId: query.after ?? "t-first" })],
      nextCursor: query.after ? null : "t-second",
    }),
    messageTask: () => taskView(),
  });
  const pages = await makima(["api", "/mesh/tasks", "--field", "limit=1", "--paginate"], { server });
  const { items } = JSON.parse(pages.stdout) as { items: { shortId: string }[] };
  assert.deepEqual(
    items.map(({ shortId }) => shortId),
    ["t-first", "t-second"],
    pages.stderr,
  );
  assert.deepEqual(server.askedOf("listTasks")[1]?.query, { limit: 1, after: "t-second" });

  const body = await makima(["api", "post", "/mesh/tasks/t-1/message", "--input", "-"], {
    server,
    stdin: '{"text":"hello"}',
  });
  assert.equal(body.code, 0, body.stderr);
  const field = await makima(["api", "POST", "mesh/tasks/t-1/message", "--field", "text=hello there"], {
    server,
  });
  assert.equal(field.code, 0, field.stderr);
  assert.deepEqual(
    server.askedOf("messageTask").map((asked) => asked.body),
    [{ text: "hello" }, { text: "hello there" }],
  );
  assert.ok(server.askedOf("messageTask").every((asked) => asked.idempotencyKey));
  assert.match((await makima(["api", "//healthz"], { server })).stdout, /"status":"ok"/);
});

test("api gives a problem's exit code, and never sends the key to an address in the path", async () => {
  await using server = await fakeServer({});
  assert.equal((await makima(["api", "/mesh/tasks/t-1"], { server })).code, 3);
  const table = [
    ["api", "GET"],
    ["api", "https://evil.example/x"],
    ["api", "/x", "/y"],
    ["api", "POST", "/x", "--field", "novalue"],
    ["api", "POST", "/x", "--input", "/gone.json"],
  ];
  await Promise.all(
    table.map(async (args) => {
      const ran = await makima(args, { server });
      assert.equal(ran.code, 2, `${args.join(" ")}: ${ran.stderr}`);
    }),
  );
});

test("a key is kept only after the server took it, in a file that only this user reads", async () => {
  using home = scratch("folder");
  await using server = await fakeServer({ whoami: () => WHO });
  const env = { XDG_CONFIG_HOME: home.path };
  const file = join(home.path, "makima", "credentials.json");
  const login = (stdin: string) => makima(["login", server.url, "--with-key-stdin"], { env, stdin });
  assert.equal((await login("mk_wrong\n")).code, 4);
  assert.throws(() => statSync(file), /ENOENT/);
  assert.equal((await login("two words\n")).code, 2);
  const good = await login(`${FAKE_KEY}\n`);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /Signed in .* as you/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const here = await makima(["whoami", "--json"], { env: { ...env, MAKIMA_API_URL: server.url } });
  assert.equal((JSON.parse(here.stdout) as { keyFrom: string }).keyFrom, file, here.stderr);
  assert.equal((await makima(["logout", server.url], { env })).code, 0);
  assert.ok(!readFileSync(file, "utf8").includes(FAKE_KEY));
});

test("whoami and login say that MAKIMA_API_KEY wins", async () => {
  await using server = await fakeServer({ whoami: () => WHO });
  const ran = await makima(["whoami"], { server });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /key from\tMAKIMA_API_KEY/);
  assert.match(ran.stderr, /MAKIMA_API_KEY is set in your environment and wins/);
});

test("api keys are made, listed without the key, and revoked only when it is meant", async () => {
  const key: ApiKeyView = {
    id: "k1",
    name: "ci",
    kind: "person",
    prefix: "mk_ab",
    scopes: ["read"],
    createdAt: "2026-11-20T14:00:00.000Z",
    expiresAt: null,
    lastUsedAt: null,
    revokedAt: null,
  };
  await using server = await fakeServer({
    createApiKey: () => ({ ...key, key: "mk_abcdef" }),
    listApiKeys: () => ({ items: [key, { ...key, id: "k2", revokedAt: key.createdAt }] }),
    revokeApiKey: ({ params }) => {
      if (params.id !== "k1") throw new FakeProblem("API_KEY_NOT_FOUND", "There is no such key.");
      return undefined;
    },
  });
  const made = await makima(["api-keys", "create", "ci", "--scope", "read", "--expires", "24h"], { server });
  assert.equal(made.stdout, "mk_abcdef\n", made.stderr);
  assert.deepEqual(server.askedOf("createApiKey")[0]?.body, {
    name: "ci",
    kind: "person",
    scopes: ["read"],
    expiresInSecs: 86_400,
  });
  assert.equal(
    (await makima(["api-keys", "list"], { server })).stdout,
    "k1\tci\tperson\tmk_ab\tread\tactive\t\n",
  );
  assert.equal((await makima(["api-keys", "revoke", "k1"], { server })).code, 2);
  assert.equal((await makima(["api-keys", "revoke", "k1", "--yes"], { server })).code, 0);
  assert.equal((await makima(["api-keys", "revoke", "k9", "--yes"], { server })).code, 3);
});
