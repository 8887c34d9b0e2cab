/**
 * Tasks that wait for tasks.
 *
 * A task can run once everything it depends on is done. A dependency that failed, was cancelled or no longer
 * exists will not be done: the task that waits for it says so instead of waiting for ever. Cycles are refused
 * when they are made, with the cycle named.
 */
import { isFinal, type TaskStatus } from "./task.ts";

/** For each task id, the ids that it depends on. */
export type DependencyGraph = ReadonlyMap<string, readonly string[]>;

/** A cycle in `graph` as ids in order, the first one repeated at the end; undefined if there is none. */
export function findCycle(graph: DependencyGraph): string[] | undefined {
  const finished = new Set<string>();
  for (const start of graph.keys()) {
    const path = [start];
    const onPath = new Set(path);
    const pending = [{ ids: graph.get(start) ?? [], next: 0 }];
    while (!finished.has(start) && pending.length > 0) {
      const top = pending.at(-1);
      const id = top?.ids[top.next];
      if (top && id !== undefined) {
        top.next += 1;
        if (onPath.has(id)) return [...path.slice(path.indexOf(id)), id];
        if (finished.has(id)) continue;
        path.push(id);
        onPath.add(id);
        pending.push({ ids: graph.get(id) ?? [], next: 0 });
      } else {
        pending.pop();
        const left = path.pop() ?? start;
        onPath.delete(left);
        finished.add(left);
      }
    }
  }
  return undefined;
}

/** The sentence that refuses a cycle. */
export function cycleMessage(cycle: readonly string[], nameOf: (id: string) => string = (id) => id): string {
  return `Tasks would wait for each other: ${cycle.map(nameOf).join(" → ")}`;
}

export type DependencyState =
  | { state: "runnable" }
  | { state: "waiting"; on: string[] }
  /** Will never run unless a person or supervisor retries what failed. */
  | { state: "hopeless"; because: string };

/** What a task's dependencies allow; `statusOf` answers undefined for a task that is gone. */
export function dependencyState(
  dependsOn: readonly string[],
  statusOf: (id: string) => TaskStatus | undefined,
  nameOf: (id: string) => string = (id) => id,
): DependencyState {
  const on: string[] = [];
  for (const id of new Set(dependsOn)) {
    const status = statusOf(id);
    if (status === "done") continue;
    if (status === undefined || isFinal(status)) {
      return { state: "hopeless", because: dependencyFailedMessage(nameOf(id), status) };
    }
    on.push(id);
  }
  return on.length === 0 ? { state: "runnable" } : { state: "waiting", on };
}

/** What a dependant says of a dependency that will not be done. */
export function dependencyFailedMessage(name: string, status: TaskStatus | undefined): string {
  if (status === undefined) return `It depends on ${name}, which no longer exists`;
  const what = status === "cancelled" ? "was cancelled" : "failed";
  return `It depends on ${name}, which ${what}; retry that one, then this one`;
}
