/** Brings the tables to this version of makima, or back. Several servers may call it at once. */
import type { Kysely } from "kysely";
import { Migrator, type Migration } from "kysely/migration";
import * as first from "./migrations/0001-first.ts";
import { StoreError } from "./store-error.ts";

const MIGRATIONS: Record<string, Migration> = { "0001-first": first };

function migrator<T>(db: Kysely<T>): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
    migrationTableSchema: "makima",
    migrationTableName: "migration",
    migrationLockTableName: "migration_lock",
  });
}

/** Runs the migrations that are missing; the names of those that it ran. Throws StoreError `migration_failed`. */
export async function migrate<T>(db: Kysely<T>): Promise<string[]> {
  return ran(await migrator(db).migrateToLatest());
}

/** Takes all migrations back. What the tables held is gone. */
export async function migrateDown<T>(db: Kysely<T>): Promise<string[]> {
  const { NO_MIGRATIONS } = await import("kysely/migration");
  return ran(await migrator(db).migrateTo(NO_MIGRATIONS));
}

/** Whether the tables are those of this version. */
export async function isMigrated<T>(db: Kysely<T>): Promise<boolean> {
  const found = await migrator(db).getMigrations();
  return found.every((migration) => migration.executedAt !== undefined);
}

type Result = Awaited<ReturnType<Migrator["migrateToLatest"]>>;

function ran({ error, results }: Result): string[] {
  if (error !== undefined) {
    const failed = results?.find((result) => result.status === "Error")?.migrationName ?? "a migration";
    const why = error instanceof Error ? error.message : String(error);
    throw new StoreError(
      "migration_failed",
      `The database could not be brought up to date: ${failed} failed (${why}). Nothing of it was kept; mend the cause and start makima again.`,
      { cause: error },
    );
  }
  return (results ?? []).map((result) => result.migrationName);
}
