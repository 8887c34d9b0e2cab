/** What runs: for `makima status`. */
import { routes } from "@makima/protocol/api/routes";
import { TASK_STATUSES, type TaskStatus } from "@makima/core/task";
import type { DaemonView } from "@makima/protocol/api/mesh";
import type { CliContext } from "../cli-context.ts";
import { findServer } from "./find-server.ts";
import { createClient, type Client } from "@makima/client/rest";
import { readServerFile } from "./server-file.ts";

export interface Status {
  running: boolean;
  server: { url: string; version: string; uptimeSecs: number; pid: number | null; source: string } | null;
  daemons: DaemonView[];
  /** Tasks that are not over, by status. */
  tasks: Partial<Record<TaskStatus, number>>;
  openQuestions: number;
}

const NOT_OVER = TASK_STATUSES.filter((status) => !["done", "failed", "cancelled"].includes(status));

/** Throws where a server was named and does not answer. */
export async function readStatus(context: CliContext): Promise<Status> {
  const found = await findServer(context);
  if (!found) return { running: false, server: null, daemons: [], tasks: {}, openQuestions: 0 };
  const client = createClient({ url: found.url, key: found.key });
  const health = await client.call(routes.health);
  const local = readServerFile(context.paths);
  const [daemons, questions, ...counts] = await Promise.all([
    client.call(routes.listDaemons, { query: { limit: 500 } }),
    client.call(routes.listQuestions, { query: { status: "open", limit: 500 } }),
    ...NOT_OVER.map((status) => countTasks(client, status)),
  ]);
  const tasks = Object.fromEntries(NOT_OVER.map((status, at) => [status, counts[at] ?? 0]));
  return {
    running: true,
    server: {
      url: found.url,
      version: health.version,
      uptimeSecs: health.uptimeSecs,
      pid: local?.instanceId === health.instanceId ? local.pid : null,
      source: found.source,
    },
    daemons: daemons.items,
    tasks,
    openQuestions: questions.items.length,
  };
}

async function countTasks(client: Client, status: TaskStatus): Promise<number> {
  let count = 0;
  let after: string | undefined;
  do {
    const page = await client.call(routes.listTasks, {
      query: { status, limit: 500, ...(after ? { after } : {}) },
    });
    count += page.items.length;
    after = page.nextCursor ?? undefined;
  } while (after !== undefined);
  return count;
}
