/**
 * Applies reports of daemons, together with how far each was read: in one transaction, so that what comes
 * twice is applied once.
 *
 * A report that cannot be applied (a bug, on one side or the other) must not keep those behind it from being
 * applied: the batch is then applied one by one, and the one that fails is put aside in `dead_report`.
 */
import type { Deps } from "../deps.ts";
import { withShortIds } from "../store/ids.ts";
import { isUnreachable } from "../store/store-error.ts";
import { applyBatches, ReportsError, type ReportBatch } from "./apply-batches.ts";
import { inGroups } from "./in-groups.ts";
import { transact } from "./transact.ts";

/** Batches that share one transaction at most. */
const MOST_TOGETHER = 64;

/** The highest number that is stored now. Throws ReportsError, or the database's error when it does not answer. */
export function applyReports(deps: Deps, batch: ReportBatch): Promise<number> {
  // Output goes its own way: it changes no state, so it waits for nobody.
  return batch.items.every((item) => item.type === "output")
    ? applyAlone(deps, batch)
    : together(deps, batch);
}

async function applyAlone(deps: Deps, batch: ReportBatch): Promise<number> {
  try {
    const [stored] = await apply(deps, [batch]);
    return stored ?? batch.first - 1;
  } catch (error) {
    if (error instanceof ReportsError || isUnreachable(error)) throw error;
    deps.log.warn(
      { err: error, daemonId: batch.daemonId, first: batch.first },
      "reports are applied one by one",
    );
    return applyEach(deps, batch);
  }
}

/**
 * Changes of state of one owner are numbered under one lock until they are on the disk. So batches of many
 * daemons share a transaction: what comes while one is on its way goes with the next.
 */
const together = inGroups<ReportBatch, number>(MOST_TOGETHER, async (deps, batches) => {
  try {
    const daemons = new Set(batches.map(({ daemonId }) => daemonId));
    if (daemons.size < batches.length)
      throw new Error("two batches of one daemon cannot share a transaction");
    const stored = await apply(deps, batches);
    return stored.map((value) => ({ ok: true, value }));
  } catch {
    // One of them cannot be applied; each by itself, so that it is the only one to fail.
    return Promise.all(
      batches.map((batch) =>
        applyAlone(deps, batch).then(
          (value) => ({ ok: true as const, value }),
          (error: unknown) => ({ ok: false as const, error }),
        ),
      ),
    );
  }
});

function apply(deps: Deps, batches: readonly ReportBatch[]): Promise<number[]> {
  return withShortIds((tries) =>
    transact(deps, (work) => applyBatches(work, batches, tries), { readsFirst: true }),
  );
}

async function applyEach(deps: Deps, { items, first, ...from }: ReportBatch): Promise<number> {
  let stored = first - 1;
  for (const [index, item] of items.entries()) {
    const one = { ...from, first: first + index, items: [item] };
    try {
      [stored = stored] = await apply(deps, [one]);
    } catch (error) {
      if (error instanceof ReportsError || isUnreachable(error)) throw error;
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
      [stored = stored] = await transact(deps, (work) => applyBatches(work, [one], 0, problem));
    }
  }
  return stored;
}
