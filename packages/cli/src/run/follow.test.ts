import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerUnreachable } from "@makima/client/client-error";
import { createClient } from "@makima/client/rest";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { followRun, type FollowRun } from "./follow.ts";
import { FAKE_KEY, fakeServer, type FakeServer } from "./testing/fake-server.ts";
import { doneTask, entry, taskView } from "./testing/views.ts";
import type { RunView } from "./view.ts";

function nothing(): void {}

/** A view that keeps what it was shown, and calls back at each entry. */
function keepingView(onEntry: (seq: number) => void = () => {}) {
  const seen: number[] = [];
  const notes: string[] = [];
  const view: RunView = {
    started: nothing,
    entries(items) {
      for (const { seq } of items) {
        seen.push(seq);
        onEntry(seq);
      }
    },
    task: nothing,
    question: nothing,
    note: (text) => void notes.push(text),
    connection: nothing,
    ended: nothing,
    hush: nothing,
    [Symbol.dispose]: nothing,
  };
  return { view, seen, notes };
}

function following(
  server: FakeServer,
  task: TaskView,
  more: Partial<FollowRun> & Pick<FollowRun, "view">,
): FollowRun {
  return {
    client: createClient({ url: server.url, key: FAKE_KEY }),
    task,
    onInterrupt: () => ({ [Symbol.dispose]() {} }),
    canAsk: false,
    ...more,
  };
}

test("a server that comes back at another address is followed there from the same number on", async () => {
  await using first = await fakeServer({});
  await using second = await fakeServer({});
  const task = taskView();
  first.tell(task, entry(1, {}));
  second.tell(doneTask({ lastSeq: 2 }), entry(1, {}), entry(2, {}));
  const { view, seen, notes } = keepingView(() => void first[Symbol.asyncDispose]());
  const end = await followRun(
    following(first, task, {
      view,
      revive: async () => createClient({ url: second.url, key: FAKE_KEY }),
      patience: { reviveMs: 1 },
    }),
  );
  assert.equal(end.task.status, "done");
  assert.deepEqual(seen, [1, 2]);
  assert.match(notes.join(), /another address/);
});

test("a server that stays away ends following with that, and not with a made-up end of the task", async () => {
  await using server = await fakeServer({});
  const task = taskView();
  server.tell(task, entry(1, {}));
  const { view } = keepingView(() => void server[Symbol.asyncDispose]());
  const run = following(server, task, { view, patience: { reviveMs: 1, awayMs: 20 } });
  await assert.rejects(followRun(run), ServerUnreachable);
});

test("a task that does not stop in time is left to the server, still stopping", async () => {
  await using server = await fakeServer({ pauseTask: () => taskView({ pauseRequested: true }) });
  const task = taskView();
  server.tell(task, entry(1, {}));
  let interrupt = nothing;
  const { view } = keepingView(() => interrupt());
  const end = await followRun(
    following(server, task, {
      view,
      onInterrupt(callback) {
        interrupt = callback;
        return { [Symbol.dispose]() {} };
      },
      patience: { pauseMs: 20 },
    }),
  );
  assert.equal(end.stopped, "interrupt");
  assert.equal(end.stillStopping, true);
});

test("what waits for a time is followed on, what waits for a person is not", async () => {
  await using server = await fakeServer({});
  const task = taskView();
  server.tell(task, entry(1, {}));
  const limited = taskView({
    status: "blocked",
    blockedBy: "usage_limit",
    wakeAt: "2026-11-20T15:00:00.000Z",
  });
  const { view } = keepingView((seq) => {
    if (seq === 1) server.tell(limited, entry(2, {}));
    else if (seq === 2) server.tell(taskView({ status: "blocked", blockedBy: "limit_reached" }));
  });
  const end = await followRun(following(server, task, { view }));
  assert.equal(end.task.blockedBy, "limit_reached");
  assert.equal(end.stopped, undefined);
});
