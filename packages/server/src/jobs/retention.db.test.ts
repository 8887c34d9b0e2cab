import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { ended, openWorld, started } from "../testing/world.ts";
import { acknowledgeCommands } from "./commands.ts";
import { dispatch } from "./dispatch.ts";
import { removeOld } from "./retention.ts";

test("what has had its time goes; what is young, unacknowledged or somebody's work stays", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon();
  await world.contract();
  await world.contract();
  await dispatch(deps);
  const [done] = await daemon.specs();
  assert.ok(done);
  await daemon.report(...started(done), ended(done, { type: "done" }));
  await acknowledgeCommands(deps, daemon.id, 1);
  const hash = Buffer.alloc(32);
  await sql`insert into makima.idempotency_key (owner_id, key, route, hash) values (${caller.ownerId}, 'k', 'r', ${hash})`.execute(
    deps.db,
  );
  await sql`insert into makima.login_link (hash, owner_id, expires_at) values (${hash}, ${caller.ownerId}, now())`.execute(
    deps.db,
  );
  assert.equal(await removeOld(deps), 0);

  const count = async (table: string): Promise<number> => {
    const { rows } = await sql<{
      n: number;
    }>`select count(*)::int as n from ${sql.table(`makima.${table}`)}`.execute(deps.db);
    return rows[0]?.n ?? 0;
  };
  const before = {
    events: await count("event"),
    history: await count("task_event"),
    commands: await count("command"),
  };
  await sql`update makima.idempotency_key set created_at = now() - interval '25 hours'`.execute(deps.db);
  await sql`update makima.login_link set expires_at = now() - interval '2 hours'`.execute(deps.db);
  await sql`update makima.command set stored_at = stored_at - interval '25 hours'`.execute(deps.db);
  await sql`update makima.run set ended_at = ended_at - interval '2 hours'`.execute(deps.db);
  // A key, a link, a command, the key of the run that ended.
  assert.equal(await removeOld(deps), 4);
  assert.equal(await count("command"), before.commands - 1);
  assert.equal(await count("api_key"), 1);
  assert.deepEqual([await count("event"), await count("task_event")], [before.events, before.history]);
});
