/** Counts what the server's parts tell each other after commits. */
import type { EventView } from "@makima/protocol/api/contracts";
import type { Signals } from "../signals.ts";
import type { Metrics } from "./metrics.ts";

/** Waiting tasks whose beginning is remembered; those beyond are not measured. */
const MOST_WAITING = 100_000;

export function watchSignals(signals: Signals, metrics: Metrics): void {
  const waitingSince = new Map<string, number>();

  function measureDispatch({ type, taskId, at, data }: EventView): void {
    if (type !== "TaskStateChanged" || taskId === null) return;
    if (data["newState"] === "pending") {
      if (waitingSince.size < MOST_WAITING) waitingSince.set(taskId, Date.parse(at));
      return;
    }
    const since = waitingSince.get(taskId);
    waitingSince.delete(taskId);
    if (since === undefined || data["newState"] !== "assigned") return;
    metrics.dispatchSeconds.observe(Math.max(0, Date.parse(at) - since) / 1000);
  }

  signals.on("eventsAdded", (_ownerId, events) => {
    for (const event of events) {
      metrics.count(event);
      measureDispatch(event);
    }
  });
  signals.on("historyAdded", (_taskId, entries) => metrics.outputsIngested.inc(entries.length));
}
