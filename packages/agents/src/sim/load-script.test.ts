import assert from "node:assert/strict";
import { test } from "node:test";
import { loadScript } from "./load-script.ts";
import { Place } from "./testing/drive.ts";
import { scenarioNames } from "./where.ts";

function problemOf(yaml: string): string {
  using place = new Place();
  const loaded = loadScript(place.script(yaml));
  return loaded.ok ? "" : loaded.problem;
}

test("every built-in scenario is a valid script and says what it does", () => {
  const names = scenarioNames();
  for (const name of names) {
    const loaded = loadScript(name);
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.problem);
    assert.ok(loaded.script.description, `${name} has no description`);
  }
  for (const name of ["happy", "question", "loop", "demo", "default"]) assert.ok(names.includes(name), name);
});

test("an unknown step is told with path, line and the nearest step", () => {
  const problem = problemOf("turns:\n  - - say: a\n    - wriet: { path: a, content: b }\n");
  assert.match(problem, /script\.yaml:3: turns\[1\]\[2\]: unknown key "wriet"; did you mean "write"\?$/);
});

test("an unknown key inside a step and at the top is told with its own line", () => {
  const problem = problemOf("turns:\n  - - run:\n        command: ls\n        timeoutSec: 3\npase: 1\n");
  assert.match(problem, /:4: turns\[1\]\[1\]\.run: unknown key "timeoutSec"; did you mean "timeoutSecs"\?/);
  assert.match(problem, /:5: script: unknown key "pase"; did you mean "pace"\?/);
});

test("a missing key, a wrong value, two kinds in a step and no turns are told", () => {
  assert.match(
    problemOf("turns:\n  - - write: { path: a }\n"),
    /:2: turns\[1\]\[1\]\.write\.content: .*expected string/,
  );
  assert.match(problemOf("turns:\n  - - wait: soon\n"), /:2: turns\[1\]\[1\]\.wait: .*expected number/);
  assert.match(
    problemOf("turns:\n  - - say: a\n      wait: 1\n"),
    /:2: turns\[1\]\[1\]: a step has exactly one key/,
  );
  assert.match(problemOf("name: none\n"), /:1: turns: /);
});

test("YAML that does not parse is told with its line", () => {
  assert.match(problemOf("turns:\n  - - say: [a\n"), /script\.yaml:\d: /);
});

test("JSON is taken too, with the short forms of steps written out", () => {
  using place = new Place();
  const path = place.script('{"turns": [[{"run": "ls"}, {"hang": 3}, {"crash": true}]]}');
  const loaded = loadScript(path);
  assert.ok(loaded.ok);
  assert.deepEqual(
    loaded.script.turns[0]?.map(({ kind }) => kind),
    ["run", "hang", "crash"],
  );
  assert.deepEqual(loaded.script.turns[0]?.[0]?.value, { command: "ls", timeoutSecs: 120 });
});

test("a script that is not there is told with the names of those that are", () => {
  const loaded = loadScript("nowhere");
  assert.ok(!loaded.ok);
  assert.match(loaded.problem, /no script "nowhere".*default, demo/s);
});
