import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { pino } from "pino";
import { emptyDatabase } from "../testing/test-database.ts";
import { openWorld } from "../testing/world.ts";
import { appendHistory } from "./append-history.ts";
import { newId, newShortId, withShortIds } from "./ids.ts";
import { isMigrated, migrate, migrateDown } from "./migrate.ts";
import { openDatabase } from "./open.ts";
import { violatedUnique } from "./store-error.ts";

const log = pino({ level: "silent" });

test("migrations go up, once however many servers start at the same time, and all the way back", async () => {
  await using database = await emptyDatabase();
  const servers = await Promise.all(
    [1, 2, 3].map(() => openDatabase({ connection: database.connection, log })),
  );
  const ran = await Promise.all(servers.map(({ db }) => migrate(db)));
  assert.deepEqual(ran.flat(), ["0001-first"]);
  const [server] = servers;
  assert.ok(server);
  assert.equal(await isMigrated(server.db), true);
  const tables = async () => {
    const { rows } = await sql<{ name: string }>`select table_name as name from information_schema.tables
      where table_schema = 'makima' and table_name not like 'migration%'`.execute(server.db);
    return rows.length;
  };
  assert.ok((await tables()) > 20);
  assert.deepEqual(await migrateDown(server.db), ["0001-first"]);
  assert.equal(await tables(), 0);
  assert.equal(await isMigrated(server.db), false);
  assert.deepEqual(await migrate(server.db), ["0001-first"]);
  await Promise.all(servers.map((each) => each[Symbol.asyncDispose]()));
});

test("a database that is not there is told as such, with what to do", async () => {
  const connection = { host: "/nowhere", user: "x", database: "x" };
  await assert.rejects(openDatabase({ connection, log }), { code: "unreachable", message: /DATABASE_URL/ });
});

test("bigints come as numbers and instants as dates", async () => {
  await using world = await openWorld();
  const { rows } =
    await sql`select 9007199254740991::bigint as big, now() as at, '{1,2}'::bigint[] as many`.execute(
      world.deps.db,
    );
  const [row] = rows as { big: unknown; at: unknown }[];
  assert.equal(row?.big, Number.MAX_SAFE_INTEGER);
  assert.ok(row?.at instanceof Date);
});

test("a short id that is taken is made again, longer in the end", async () => {
  await using world = await openWorld();
  const { contract } = await world.contract();
  const taken = contract.shortId;
  const made: string[] = [];
  const id = await withShortIds(async (tries) => {
    const shortId = tries < 3 ? taken : newShortId("c", tries);
    made.push(shortId);
    await sql`insert into makima.contract (id, owner_id, short_id, name, goal, contract_type, phase, status, autonomous_loop, options, limits)
      select ${newId()}, owner_id, ${shortId}, name, goal, contract_type, phase, status, autonomous_loop, options, limits
      from makima.contract where id = ${contract.id}`.execute(world.deps.db);
    return shortId;
  });
  assert.deepEqual(made, [taken, taken, taken, id]);
  assert.equal(newShortId("t", 0).length, 6);
  assert.ok(newShortId("t", 2).length > newShortId("t", 0).length);
  assert.ok(newShortId("t", 99).length > newShortId("t", 2).length);
  await assert.rejects(
    withShortIds(() =>
      Promise.reject(Object.assign(new Error("x"), { code: "23505", constraint: "other_key" })),
    ),
    (error) => violatedUnique(error) === "other_key",
  );
});

test("entries of many tasks are numbered each from one, without gaps, by writers at the same time", async () => {
  await using world = await openWorld();
  const ids = await Promise.all([1, 2, 3].map(async () => (await world.contract()).tasks[0]?.id ?? ""));
  const entry = { at: new Date().toISOString(), messageType: "assistant", content: "x" } as const;
  const write = async (n: number) => {
    const batch = ids
      .toSorted(() => (n % 2 ? 1 : -1))
      .flatMap((taskId) => [1, 2, 3].map((k) => ({ taskId, entry: { ...entry, content: `${n}.${k}` } })));
    return appendHistory(world.deps.db, batch);
  };
  const written = await Promise.all(Array.from({ length: 20 }, (_, n) => write(n)));
  for (const id of ids) {
    const { rows } = await sql<{ seq: number; content: string }>`
      select seq, content from makima.task_event where task_id = ${id} order by seq`.execute(world.deps.db);
    assert.deepEqual(
      rows.map(({ seq }) => seq),
      rows.map((_, index) => index + 1),
    );
    assert.equal(rows.length, 61);
    for (const part of written) {
      const [one, two, three] = part.get(id) ?? [];
      assert.equal(two?.seq, (one?.seq ?? 0) + 1);
      assert.equal(three?.seq, (one?.seq ?? 0) + 2);
      assert.equal(rows.find(({ seq }) => seq === two?.seq)?.content, two?.content);
    }
  }
});
