/**
 * The server's figures for Prometheus. What happens is counted as it is told; what stands is asked of the
 * database at each scrape. Labels have few values, never an id.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EventView } from "@makima/protocol/api/contracts";

export interface Metrics {
  registry: Registry;
  httpSeconds: Histogram<"method" | "route" | "status">;
  webSockets: Gauge<"kind">;
  dispatchSeconds: Histogram;
  leaseExpiries: Counter;
  outputsIngested: Counter;
  heartbeats: Counter;
  /** These two also without the prefix, as older dashboards have them. */
  phaseTransitions: Counter<"from" | "to">[];
  completionDetections: Counter[];
  tasksEnded: Counter<"status">;
  /** An event of any owner was committed. */
  count(event: EventView): void;
}

export function makeMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, labelNames: T[] = []) =>
    new Counter<T>({ name, help, labelNames, registers });

  const metrics: Metrics = {
    registry,
    httpSeconds: new Histogram({
      name: "makima_http_request_duration_seconds",
      help: "Time from a request's head to its answer.",
      labelNames: ["method", "route", "status"],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    }),
    webSockets: new Gauge({
      name: "makima_websocket_clients",
      help: "Open WebSockets.",
      labelNames: ["kind"],
      registers,
    }),
    dispatchSeconds: new Histogram({
      name: "makima_dispatch_latency_seconds",
      help: "Time from a task becoming pending to its placement on a daemon.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
      registers,
    }),
    leaseExpiries: counter("makima_lease_expiries_total", "Runs whose lease ran out."),
    outputsIngested: counter("makima_outputs_ingested_total", "Entries added to histories of tasks."),
    heartbeats: counter("makima_daemon_heartbeats_total", "Heartbeats of daemons."),
    phaseTransitions: ["makima_phase_transitions_total", "phase_transitions_total"].map((name) =>
      counter(name, "Phase changes.", ["from", "to"]),
    ),
    completionDetections: ["makima_completion_detections_total", "completion_detections_total"].map((name) =>
      counter(name, "Contracts found to be complete."),
    ),
    tasksEnded: counter("makima_tasks_ended_total", "Tasks that reached a final status.", ["status"]),
    count(event) {
      countEvent(metrics, event);
    },
  };
  return metrics;
}

function countEvent(metrics: Metrics, { type, data }: EventView): void {
  switch (type) {
    case "PhaseChanged":
      for (const each of metrics.phaseTransitions) {
        each.inc({ from: word(data["oldPhase"]), to: word(data["newPhase"]) });
      }
      break;
    case "StatusChanged":
      if (!isCompletion(data["oldStatus"], data["newStatus"])) break;
      for (const each of metrics.completionDetections) each.inc();
      break;
    case "TaskCompleted":
      metrics.tasksEnded.inc({ status: word(data["status"]) });
      break;
    case "RunSuspect":
      metrics.leaseExpiries.inc();
      break;
  }
}

/** Contracts become completed directly or by way of completing; it counts once. */
function isCompletion(from: unknown, to: unknown): boolean {
  return to === "completing" || (to === "completed" && from !== "completing");
}

/** Phases are of a type that a user may define: bounded, so that they cannot flood the labels. */
function word(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 40) : "none";
}
