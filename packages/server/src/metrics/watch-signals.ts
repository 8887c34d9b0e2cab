/** Counts what the server's parts tell each other after commits. */
import type { Signals } from "../signals.ts";
import type { Metrics } from "./metrics.ts";

export function watchSignals(signals: Signals, metrics: Metrics): void {
  signals.on("eventsAdded", (_ownerId, events) => {
    for (const event of events) metrics.count(event);
  });
  signals.on("historyAdded", (_taskId, entries) => metrics.outputsIngested.inc(entries.length));
}
