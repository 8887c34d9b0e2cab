/** Ids for completion, from the server that answers; nothing where it does not answer in a blink. */
import { createClient } from "@makima/client/rest";
import { routes } from "@makima/protocol/api/routes";
import type { CliContext } from "../cli-context.ts";
import { findServer } from "../host/find-server.ts";
import { sanitizeLine } from "../print/terminal.ts";
import type { LiveKind } from "./tree.ts";

/** A shell that waits longer for its tab key feels broken. */
const COMPLETE_WITHIN_MS = 300;
const MOST = 100;

/** Lines of id, tab, what it is. Never throws. */
export async function liveIds(
  context: CliContext,
  kind: LiveKind,
  withinMs = COMPLETE_WITHIN_MS,
): Promise<string[]> {
  try {
    const signal = AbortSignal.timeout(withinMs);
    const found = await Promise.race([findServer(context, signal), ended(signal)]);
    if (!found) return [];
    const client = createClient({ url: found.url, key: found.key, signal });
    const once = { retry: false } as const;
    const query = { limit: MOST };
    switch (kind) {
      case "tasks":
        return (await client.call(routes.listTasks, { query }, once)).items.map((task) =>
          row(task.shortId, `${task.status} ${task.name}`),
        );
      case "contracts":
        return (await client.call(routes.listContracts, { query }, once)).items.map((contract) =>
          row(contract.shortId, contract.name),
        );
      case "questions":
        return (
          await client.call(routes.listQuestions, { query: { ...query, status: "open" } }, once)
        ).items.map((question) => row(question.shortId, question.question));
    }
  } catch {
    return [];
  }
}

function row(id: string, about: string): string {
  return `${sanitizeLine(id)}\t${sanitizeLine(about).slice(0, 60)}`;
}

function ended(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}
