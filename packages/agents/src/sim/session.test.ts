import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { converse, Driven, Place, textsOf } from "./testing/drive.ts";

const ID = "9df2e274-a311-42ac-824b-347e20146798";
const OTHER = "1df2e274-a311-42ac-824b-347e20146799";
const COUNTING = 'turns:\n  - - say: "first {{iteration}}"\n  - - say: "later {{iteration}}: {{prompt}}"\n';

test("turns go on in one process and over a resume, and the last repeats", async () => {
  using place = new Place();
  const script = place.script(COUNTING);
  await using driven = new Driven(place, { script, more: ["--session-id", ID] });
  driven.prompt("a");
  await driven.result();
  driven.prompt("b");
  await driven.result(2);
  driven.end();
  assert.deepEqual(await driven.exit, { code: 0, signal: null });
  const resumed = await converse(place, { script, more: ["--resume", ID] }, "c");
  assert.deepEqual(
    [...textsOf(driven.lines), ...textsOf(resumed.lines)],
    ["first 1", "later 2: b", "later 3: c"],
  );
  assert.equal(resumed.last?.["session_id"], ID);
});

test("nothing is said before the first message, and nothing at all without one", async () => {
  using place = new Place();
  const { code, lines, stderr } = await converse(place, { script: "happy" });
  assert.deepEqual({ code, lines, stderr }, { code: 0, lines: [], stderr: "" });
});

test("a session id serves once", async () => {
  using place = new Place();
  const script = place.script(COUNTING);
  await converse(place, { script, more: ["--session-id", ID] }, "a");
  const again = await converse(place, { script, more: ["--session-id", ID] }, "a");
  assert.equal(again.stderr, `Error: Session ID ${ID} is already in use.\n`);
  assert.equal(again.code, 1);
  assert.deepEqual(again.lines, []);
});

test("a session that is not known, or is another folder's, is refused with a result and no init", async () => {
  using place = new Place();
  const script = place.script(COUNTING);
  await converse(place, { script, more: ["--session-id", ID] }, "a");
  mkdirSync(place.path("elsewhere"));
  const elsewhere = { cwd: place.path("elsewhere"), home: place.home } as Place;
  const refused = await converse(elsewhere, { script, more: ["--resume", ID] }, "b");
  assert.equal(refused.stderr, `No conversation found with session ID: ${ID}\n`);
  assert.equal(refused.code, 1);
  assert.equal(refused.lines.length, 1);
  assert.equal(refused.last?.["subtype"], "error_during_execution");
  assert.deepEqual(refused.last?.["errors"], [`No conversation found with session ID: ${ID}`]);
});

test("--continue takes the folder's last session, or silently a new one", async () => {
  using place = new Place();
  const script = place.script(COUNTING);
  const fresh = await converse(place, { script, more: ["--continue"] }, "a");
  const continued = await converse(place, { script, more: ["--continue"] }, "b");
  assert.deepEqual(textsOf(continued.lines), ["later 2: b"]);
  assert.equal(continued.last?.["session_id"], fresh.last?.["session_id"]);
});

test("a fork stands where its origin stood and leaves it there", async () => {
  using place = new Place();
  const script = place.script(COUNTING);
  await converse(place, { script, more: ["--session-id", ID] }, "a");
  const more = ["--resume", ID, "--fork-session", "--session-id", OTHER];
  const fork = await converse(place, { script, more }, "b");
  assert.equal(fork.last?.["session_id"], OTHER);
  const origin = await converse(place, { script, more: ["--resume", ID] }, "c");
  assert.deepEqual([...textsOf(fork.lines), ...textsOf(origin.lines)], ["later 2: b", "later 2: c"]);
});

test("after SIGKILL in a step, the resume does that step again and none before it", async () => {
  using place = new Place();
  const script = place.script(`turns:
  - - append: { path: log.txt, content: "one\\n" }
    - run: echo two >> log.txt
    - run: until [ -e go ]; do sleep 0.02; done
    - append: { path: log.txt, content: "three\\n" }
`);
  {
    await using driven = new Driven(place, { script, more: ["--session-id", ID] });
    driven.prompt("go");
    await driven.until((line) => JSON.stringify(line).includes("until ["));
    driven.kill("SIGKILL");
    assert.deepEqual(await driven.exit, { code: null, signal: "SIGKILL" });
    assert.equal(place.read("log.txt"), "one\ntwo\n");
  }
  await using resumed = new Driven(place, { script, more: ["--resume", ID] });
  resumed.prompt("go on");
  await resumed.until((line) => JSON.stringify(line).includes("until ["));
  place.write("go", "");
  const result = await resumed.result();
  assert.equal(result["num_turns"], 2);
  assert.equal(place.read("log.txt"), "one\ntwo\nthree\n");
});

test("a step whose work was done before its record was kept does not do it twice", async () => {
  using place = new Place();
  place.write("a.txt", "old\n");
  const steps = [
    "edit: { path: a.txt, find: old, replace: new }",
    'append: { path: a.txt, content: "end\\n" }',
  ];
  for (const [at, step] of steps.entries()) {
    const id = `${at}df2e274-a311-42ac-824b-347e20146798`;
    const script = place.script(`turns:\n  - - ${step}\n    - crash: {}\n`);
    await converse(place, { script, more: ["--session-id", id] }, "go");
    place.changeSession(id, (state) => ({ ...state, step: 0 }));
    const resumed = await converse(place, { script, more: ["--resume", id] }, "go on");
    assert.match(JSON.stringify(resumed.lines), /has been updated successfully/);
  }
  assert.equal(place.read("a.txt"), "new\nend\n");
});

test("numbered lines that were cut by SIGKILL go on without a gap", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - lines: { count: 400, rate: 100 }\n    - say: end\n");
  await using driven = new Driven(place, { script, speed: 1, more: ["--session-id", ID] });
  driven.prompt("go");
  await driven.until((line) => JSON.stringify(line).includes('"line 35"'));
  driven.kill("SIGKILL");
  await driven.exit;
  const resumed = await converse(place, { script, speed: 1000, more: ["--resume", ID] }, "go on");
  const numbers = [...textsOf(driven.lines), ...textsOf(resumed.lines)]
    .filter((text) => text.startsWith("line "))
    .map((text) => Number(text.slice(5)));
  assert.deepEqual(
    [...new Set(numbers)],
    Array.from({ length: 400 }, (_, at) => at + 1),
  );
  assert.ok(numbers.length < 400 + 50);
});

test("a crash that is not `once` comes again at each resume", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - say: a\n    - crash: { exitCode: 7, stderr: boom }\n");
  const first = await converse(place, { script, more: ["--session-id", ID] }, "go");
  const second = await converse(place, { script, more: ["--resume", ID] }, "go");
  assert.deepEqual([first.code, second.code, second.stderr], [7, 7, "boom\n"]);
  assert.deepEqual(textsOf(second.lines), []);
});

test("a case of the script is chosen by the session's first message, and stays", async () => {
  using place = new Place();
  const script = place.script(`turns: [[{ say: other }]]
cases:
  - when: supervisor
    turns: [[{ say: boss 1 }], [{ say: boss 2 }]]
`);
  const boss = ["--session-id", ID];
  const first = await converse(place, { script, more: boss }, "You are the supervisor.");
  const second = await converse(place, { script, more: ["--resume", ID] }, "Go on.");
  const other = await converse(place, { script }, "You are a worker.");
  assert.deepEqual(
    [first, second, other].flatMap(({ lines }) => textsOf(lines)),
    ["boss 1", "boss 2", "other"],
  );
});
