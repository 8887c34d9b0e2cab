/** What stands, asked of the database at each scrape: one statement over small or indexed sets. */
import { sql } from "kysely";
import { Gauge } from "prom-client";
import { CONTRACT_STATUSES } from "@makima/core/contract";
import { TASK_STATUSES } from "@makima/core/task";
import type { Deps } from "../deps.ts";
import type { Metrics } from "./metrics.ts";

interface Row {
  kind: "contract" | "task" | "daemon" | "question";
  label: string;
  count: number;
}

/** A scrape sooner than this after the last one is answered from it. */
const FRESH_MS = 10_000;

/** Resolves to the text of the scrape. Throws when the database does not answer. */
export function makeScrape(deps: Deps, metrics: Metrics): () => Promise<string> {
  const { registry } = metrics;
  const gauge = <T extends string>(name: string, help: string, labelNames: T[] = []) =>
    new Gauge<T>({ name, help, labelNames, registers: [registry] });
  const contracts = [
    gauge("makima_contracts_by_status", "Contracts, by status.", ["status"]),
    gauge("contracts_by_status", "Contracts, by status.", ["status"]),
  ];
  const tasks = gauge("makima_tasks_by_state", "Tasks, by status.", ["status"]);
  const daemons = gauge("makima_daemons_connected", "Daemons that are connected.");
  const questions = gauge("makima_questions_open", "Questions that wait for a person.");
  let scrape: { at: number; text: Promise<string> } | undefined;

  async function look(): Promise<string> {
    const { rows } = await sql<Row>`
      select 'contract' as kind, status as label, count(*)::int as count from makima.contract group by status
      union all select 'task', status, count(*)::int from makima.task group by status
      union all select 'daemon', 'connected', count(*)::int from makima.daemon where connected
      union all select 'question', 'open', count(*)::int from makima.question where status = 'open'`.execute(
      deps.db,
    );
    const found = new Map(rows.map(({ kind, label, count }) => [`${kind} ${label}`, count]));
    const countOf = (kind: Row["kind"], label: string) => found.get(`${kind} ${label}`) ?? 0;
    for (const status of CONTRACT_STATUSES) {
      for (const each of contracts) each.set({ status }, countOf("contract", status));
    }
    for (const status of TASK_STATUSES) tasks.set({ status }, countOf("task", status));
    daemons.set(countOf("daemon", "connected"));
    questions.set(countOf("question", "open"));
    return registry.metrics();
  }

  return () => {
    const now = performance.now();
    if (!scrape || now - scrape.at > FRESH_MS) {
      const text = look();
      // A failed look is not kept.
      text.catch(() => (scrape = undefined));
      scrape = { at: now, text };
    }
    return scrape.text;
  };
}
