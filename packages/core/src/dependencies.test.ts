import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { cycleMessage, dependencyState, findCycle } from "./dependencies.ts";
import { TASK_STATUSES, type TaskStatus } from "./task.ts";

const graph = (edges: Record<string, string[]>) => new Map(Object.entries(edges));

describe("dependencies between tasks", () => {
  it("are refused as a cycle with the cycle named, without what only leads to it", () => {
    const cycle = findCycle(graph({ start: ["a"], a: ["b"], b: ["c"], c: ["a"], d: [] }));
    assert.deepEqual(cycle, ["a", "b", "c", "a"]);
    assert.equal(cycleMessage(cycle), "Tasks would wait for each other: a → b → c → a");
    assert.deepEqual(findCycle(graph({ a: ["a"] })), ["a", "a"]);
  });

  it("may meet again without being a cycle, and name tasks from elsewhere", () => {
    assert.equal(findCycle(graph({ a: ["b", "c"], b: ["d"], c: ["d"], d: ["elsewhere"] })), undefined);
  });

  it("may be deep", () => {
    const deep = new Map(Array.from({ length: 100_000 }, (_, at) => [`${at}`, [`${at + 1}`]]));
    assert.equal(findCycle(deep), undefined);
  });

  it("have a cycle exactly where no order of the tasks exists, and what is named is one", () => {
    const node = fc.integer({ min: 0, max: 7 }).map(String);
    fc.assert(
      fc.property(fc.array(fc.tuple(node, node), { maxLength: 14 }), (edges) => {
        const map = new Map<string, string[]>();
        for (const [from, to] of edges) map.set(from, [...(map.get(from) ?? []), to]);
        const cycle = findCycle(map);
        // Kahn's algorithm, the other way to know.
        let left = new Set([...map.keys(), ...edges.map(([, to]) => to)]);
        for (let before = -1; before !== left.size;) {
          before = left.size;
          left = new Set([...left].filter((id) => (map.get(id) ?? []).some((to) => left.has(to))));
        }
        assert.equal(cycle !== undefined, left.size > 0);
        if (!cycle) return;
        assert.equal(cycle[0], cycle.at(-1));
        assert.equal(new Set(cycle).size, cycle.length - 1);
        for (const [at, id] of cycle.slice(1).entries()) assert.ok(map.get(cycle[at] ?? "")?.includes(id));
      }),
      { numRuns: 500 },
    );
  });

  it("let a task run when all are done", () => {
    const status: Record<string, TaskStatus> = { a: "done", b: "running", c: "failed", d: "cancelled" };
    const of = (...ids: string[]) => dependencyState(ids, (id) => status[id]);
    assert.deepEqual(of(), { state: "runnable" });
    assert.deepEqual(of("a"), { state: "runnable" });
    assert.deepEqual(of("a", "b", "b"), { state: "waiting", on: ["b"] });
    const failed = {
      state: "hopeless",
      because: "It depends on c, which failed; retry that one, then this one",
    };
    assert.deepEqual(of("b", "c"), failed);
    assert.match(JSON.stringify(of("d")), /which was cancelled/);
    assert.match(JSON.stringify(of("gone")), /which no longer exists/);
  });

  it("are runnable, waiting or hopeless for every status", () => {
    const states = TASK_STATUSES.map((status) => dependencyState(["x"], () => status).state);
    assert.deepEqual(
      TASK_STATUSES.filter((_, at) => states[at] === "hopeless"),
      ["failed", "cancelled"],
    );
    assert.equal(states.filter((state) => state === "runnable").length, 1);
  });
});
