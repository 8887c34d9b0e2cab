/** What the next run of a task would be told; nothing is placed by asking. */
import { sql } from "kysely";
import type { RunSpec } from "@makima/protocol/run-spec";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { newId } from "../store/ids.ts";
import { findTask } from "./find.ts";
import { buildRunSpec } from "./run-spec.ts";
import { readCandidates } from "./spec-facts.ts";

export interface NextRun {
  /** Daemon of the newest run, which has worktree and session; null when there was none. */
  daemonId: string | null;
  /** Without a key: it is for looking at, not for running. */
  spec: RunSpec;
}

export async function nextRunSpec(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<NextRun>> {
  const task = await findTask(deps, caller, id);
  if (!task.ok) return task;
  const [facts] = await readCandidates(deps.db, sql`t.id = ${task.value}`, sql``);
  if (!facts?.repository) {
    return refused("TASK_NOT_FOUND", `Task "${id}" has no repository any more.`, { details: { id } });
  }
  const { repository, contract, checkpoint, messages } = facts;
  const spec = buildRunSpec({
    task: facts,
    contract,
    repository,
    checkpoint,
    messages,
    runId: newId(),
    epoch: facts.epoch + 1,
    apiKey: "",
  });
  return done({ daemonId: facts.daemon_id, spec });
}
