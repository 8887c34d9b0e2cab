import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { assertProblem, refusedUpgrade, startTestServer } from "../http/testing/running-server.ts";

const secret = "a secret of thirty-two characters or more";
const { privateKey, publicKey } = await generateKeyPair("ES256");
const stranger = await generateKeyPair("ES256");
const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" }] };
const provider = createServer((_request, response) => response.end(JSON.stringify(keys))).listen(
  0,
  "127.0.0.1",
);
await new Promise((resolve) => provider.once("listening", resolve));
const issuer = "https://login.example";
// Before the database's own: hooks run in the order in which they are set.
after(async () => {
  provider.close();
  await server[Symbol.asyncDispose]();
});
const server = await startTestServer({
  auth: {
    jwtSecret: secret,
    jwksUrl: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys`,
    issuer,
    audience: "makima",
    sessionTtlSecs: 3600,
  },
});
const whoami = (headers: Record<string, string>) =>
  server.call("GET", "/auth/whoami", { key: null, headers });
const bearer = (token: string) => whoami({ authorization: `Bearer ${token}` });

function token(claims: Record<string, unknown> = {}) {
  return new SignJWT(claims).setIssuedAt();
}
const good = () => token().setSubject("ada").setIssuer(issuer).setAudience("makima").setExpirationTime("5m");
const own = new TextEncoder().encode(secret);

async function linkCode(): Promise<string> {
  const response = await server.call("POST", "/auth/login-links");
  assert.equal(response.status, 201);
  const { url, code } = (await response.json()) as { url: string; code: string };
  assert.ok(url.startsWith(`${server.server.url}/login#`));
  return code;
}

async function signIn(body: object): Promise<string> {
  const response = await server.call("POST", "/auth/session", { key: null, body });
  assert.equal(response.status, 200, await response.clone().text());
  const cookie = response.headers.get("set-cookie") ?? "";
  assert.match(cookie, /HttpOnly/);
  assert.match(cookie, /SameSite=Strict/);
  assert.match(cookie, /Path=\//);
  return cookie.split(";")[0] ?? "";
}

test("a login link signs a browser in, once", async () => {
  const code = await linkCode();
  const cookie = await signIn({ code });
  const me = (await (await whoami({ cookie })).json()) as Record<string, unknown>;
  assert.deepEqual([me["via"], me["ownerName"]], ["session", "local"]);
  await assertProblem(
    await server.call("POST", "/auth/session", { key: null, body: { code } }),
    "UNAUTHORIZED",
  );
});

test("a session opens sockets too, and signing out closes them", async () => {
  const cookie = await signIn({ key: server.key });
  const socket = await server.open("/contracts/monitor", { key: null, headers: { cookie } });
  const closed = socket.closed();
  const out = await server.call("DELETE", "/auth/session", { key: null, headers: { cookie } });
  assert.equal(out.status, 204);
  assert.match(out.headers.get("set-cookie") ?? "", /Max-Age=0/);
  assert.equal((await closed).code, 1008);
  await assertProblem(await whoami({ cookie }), "UNAUTHORIZED");
});

test("a foreign page cannot use a session, and a key of few scopes cannot become one", async () => {
  const cookie = await signIn({ key: server.key });
  const headers = { cookie, origin: "https://evil.example" };
  await assertProblem(
    await server.call("POST", "/contracts", { key: null, headers, body: { goal: "x" } }),
    "FORBIDDEN",
  );
  assert.equal(await refusedUpgrade(server.open("/contracts/monitor", { key: null, headers })), 403);
  const { key } = await server.makeKey({ scopes: ["read"] });
  await assertProblem(
    await server.call("POST", "/auth/session", { key: null, body: { key } }),
    "UNAUTHORIZED",
  );
});

test("behind https the cookie is Secure", async () => {
  const secure = await startTestServer({ publicUrl: "https://makima.example", behindProxy: true });
  const response = await secure.call("POST", "/auth/session", { key: null, body: { key: secure.key } });
  assert.match(response.headers.get("set-cookie") ?? "", /^__Host-makima_session=.*Secure/);
  await secure[Symbol.asyncDispose]();
});

test("guessing is slowed, and whoever is right is not", async () => {
  const strict = await startTestServer({ timing: { failuresPerMinute: 5, drainMs: 1000 } });
  const codes: number[] = [];
  for (let tries = 0; tries < 8; tries += 1) {
    codes.push((await strict.call("GET", "/contracts", { key: `mk_${tries}` })).status);
  }
  assert.deepEqual(codes, [401, 401, 401, 401, 401, 429, 429, 429]);
  const limited = await strict.call("POST", "/auth/session", { key: null, body: { code: "x" } });
  assert.ok(Number(limited.headers.get("retry-after")) > 0);
  await assertProblem(limited, "RATE_LIMITED");
  assert.equal((await strict.call("GET", "/contracts")).status, 200);
  await strict[Symbol.asyncDispose]();
});

test("a token of the own secret and one of the provider stand for an owner of their own", async () => {
  const mine = await good().setProtectedHeader({ alg: "HS256" }).sign(own);
  const theirs = await good().setProtectedHeader({ alg: "ES256", kid: "k1" }).sign(privateKey);
  const found = await Promise.all([mine, theirs, mine].map(async (text) => (await bearer(text)).json()));
  const owners = new Set((found as { ownerId: string }[]).map(({ ownerId }) => ownerId));
  assert.equal(owners.size, 1);
  assert.ok(!owners.has(server.owner.ownerId));
  assert.deepEqual((found[0] as { via: string; scopes: string[] }).scopes, ["read", "write"]);
});

const bad: [string, () => Promise<string>][] = [
  ["that ran out", () => good().setExpirationTime("-1m").setProtectedHeader({ alg: "HS256" }).sign(own)],
  ["of another issuer", () => good().setIssuer("x").setProtectedHeader({ alg: "HS256" }).sign(own)],
  ["for another audience", () => good().setAudience("x").setProtectedHeader({ alg: "HS256" }).sign(own)],
  [
    "without an end",
    () =>
      token()
        .setSubject("a")
        .setIssuer(issuer)
        .setAudience("makima")
        .setProtectedHeader({ alg: "HS256" })
        .sign(own),
  ],
  [
    "of another secret",
    () =>
      good()
        .setProtectedHeader({ alg: "HS256" })
        .sign(new TextEncoder().encode("x".repeat(40))),
  ],
  [
    "of a stranger's key",
    () => good().setProtectedHeader({ alg: "ES256", kid: "k1" }).sign(stranger.privateKey),
  ],
  [
    "without a signature",
    async () =>
      `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"ada"}').toString("base64url")}.`,
  ],
  ["that is none", async () => "a.b.c"],
];
for (const [what, make] of bad) {
  test(`a token ${what} is UNAUTHORIZED`, async () => {
    await assertProblem(await bearer(await make()), "UNAUTHORIZED");
  });
}
