/** Interrupts, permissions, messages in the middle of a turn, bad input, signals. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Driven, FLAGS, Place, textsOf, type Line } from "./testing/drive.ts";

const ID = "9df2e274-a311-42ac-824b-347e20146798";
const SLEEPING =
  "turns:\n  - - say: Sleeping.\n    - run: echo $$ > pid; exec sleep 600\n    - say: After it.\n";

const isAsk = (line: Line) => line["type"] === "control_request";
const interrupt = { type: "control_request", request_id: "int-1", request: { subtype: "interrupt" } };
const answer = (asked: Line, response: object) => ({
  type: "control_response",
  response: { subtype: "success", request_id: asked["request_id"], response },
});

function kinds(lines: readonly Line[]): string[] {
  return lines.map((line) => `${line["type"]} ${line["subtype"] ?? line["message"]?.content[0]?.type ?? ""}`);
}

function realKinds(name: string): string[] {
  const text = readFileSync(new URL(`fixtures/${name}.ndjson`, import.meta.url), "utf8");
  return kinds(
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
}

/** Resolves once the shell of the `run` step has written its process id. */
async function sleeper(place: Place, driven: Driven): Promise<number> {
  await driven.until((line) => JSON.stringify(line).includes("exec sleep"));
  for (;;) {
    try {
      const pid = Number(place.read("pid"));
      if (pid > 0) return pid;
    } catch {
      // Not written yet.
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Dead but not yet collected counts as dead: who collects it after its parent's death is not ours to say. */
function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

/** Resolves once the process is gone. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}

test("an interrupt stops the command, ends the turn in the real one's lines, and the process takes more", async () => {
  using place = new Place();
  await using driven = new Driven(place, { script: place.script(SLEEPING) });
  driven.prompt("go");
  const pid = await sleeper(place, driven);
  driven.send(interrupt);
  const result = await driven.result();
  assert.deepEqual(kinds(driven.lines), realKinds("v329-interrupt"));
  assert.equal(result["terminal_reason"], "aborted_tools");
  assert.equal(result["num_turns"], 3);
  assert.deepEqual(result["errors"], [
    "[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=tool_use",
  ]);
  await gone(pid);
  driven.prompt("go on");
  assert.equal((await driven.result(2))["result"], "After it.");
  driven.end();
  assert.deepEqual(await driven.exit, { code: 0, signal: null });
});

test("the exit code is 1 when the last result is an error", async () => {
  using place = new Place();
  await using driven = new Driven(place, { script: "hang" });
  driven.prompt("go");
  await driven.until((line) => line["type"] === "assistant");
  driven.send(interrupt);
  const result = await driven.result();
  assert.equal(result["terminal_reason"], "aborted_streaming");
  driven.end();
  assert.equal((await driven.exit).code, 1);
});

test("a permission that is given may change the input; one that is denied is told to the model", async () => {
  using place = new Place();
  await using driven = new Driven(place, { script: "permission" });
  driven.prompt("go");
  const asked = await driven.until(isAsk);
  assert.equal(asked["request"].tool_name, "Bash");
  const updatedInput = { ...asked["request"].input, command: "echo changed > sim-permission.txt" };
  driven.send(answer(asked, { behavior: "allow", updatedInput }));
  await driven.result();
  assert.equal(place.read("sim-permission.txt"), "changed\n");

  await using denied = new Driven(place, { script: "permission" });
  denied.prompt("go");
  const again = await denied.until(isAsk);
  denied.send(answer(again, { behavior: "deny", message: "Denied by the daemon" }));
  const result = await denied.result();
  assert.deepEqual(result["permission_denials"], [
    {
      tool_name: "Bash",
      tool_use_id: again["request"].tool_use_id,
      tool_input: again["request"].input,
    },
  ]);
  const refused = denied.lines.find((line) => line["message"]?.content[0]?.is_error);
  assert.equal(refused?.["tool_use_result"], "Error: Denied by the daemon");
  assert.equal(result["is_error"], false);
});

test("without --dangerously-skip-permissions every change is asked for, and reading is not", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - write: { path: a.txt, content: a }\n    - read: a.txt\n");
  const flags = FLAGS.filter((flag) => flag !== "--dangerously-skip-permissions");
  await using driven = new Driven(place, { script, flags });
  driven.prompt("go");
  driven.send(answer(await driven.until(isAsk), { behavior: "allow" }));
  await driven.result();
  assert.equal(driven.lines.filter(isAsk).length, 1);
  assert.equal(place.read("a.txt"), "a");
});

test("a question that was cut is not asked again when the resume names an option", async () => {
  using place = new Place();
  {
    await using driven = new Driven(place, { script: "question", more: ["--session-id", ID] });
    driven.prompt("go");
    await driven.until(isAsk);
    driven.send(interrupt);
    await driven.until((line) => line["type"] === "control_cancel_request");
    await driven.result();
  }
  await using resumed = new Driven(place, { script: "question", more: ["--resume", ID] });
  resumed.prompt("The person answered: Bankers");
  await resumed.result();
  assert.match(place.read("sim-decision.md"), /Decided by a person: Bankers/);
  assert.ok(!resumed.lines.some(isAsk));
});

test("a question is given up when the input is closed under it", async () => {
  using place = new Place();
  await using driven = new Driven(place, { script: "question" });
  driven.prompt("go");
  await driven.until(isAsk);
  driven.end();
  assert.equal((await driven.exit).code, 0);
  assert.match(JSON.stringify(driven.lines), /stream closed before response received/);
});

test("a message that comes while a tool runs is folded into the turn, one after it is its own", async () => {
  using place = new Place();
  const script = place.script(`turns:
  - - run: until [ -e go ]; do sleep 0.02; done
    - say: first
  - - say: second
onMessage:
  - when: hurry
    steps: [{ say: I hurry. }]
`);
  await using driven = new Driven(place, { script });
  driven.prompt("go");
  await driven.until((line) => JSON.stringify(line).includes("until ["));
  driven.prompt("please hurry");
  // Answered in order, so the message was heard once this is.
  driven.send({ type: "control_request", request_id: "mark", request: { subtype: "initialize" } });
  await driven.until((line) => line["type"] === "control_response");
  place.write("go", "");
  await driven.result();
  assert.deepEqual(textsOf(driven.lines), ["I hurry.", "first"]);
  driven.prompt("hurry again");
  await driven.result(2);
  driven.prompt("next");
  await driven.result(3);
  assert.deepEqual(textsOf(driven.lines).slice(2), ["I hurry.", "second"]);
});

test("bad JSON on stdin ends the process with 1; blank lines and unknown types do not", async () => {
  using place = new Place();
  await using driven = new Driven(place, { script: "happy" });
  driven.send("");
  driven.send({ type: "keep_alive" });
  driven.prompt("go");
  await driven.result();
  driven.send("{not json");
  assert.equal((await driven.exit).code, 1);
  assert.match(driven.stderr, /^Error parsing streaming input line: \{not json/);
});

test("what begins with a slash and a word is a command of claude's, a path is a prompt", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - say: A prompt.\n");
  await using driven = new Driven(place, { script });
  driven.prompt("/nonexistent foo");
  const first = await driven.result();
  assert.equal(first["result"], "Unknown command: /nonexistent");
  assert.equal(first["num_turns"], 0);
  driven.prompt("/etc/hosts is to be read");
  assert.equal((await driven.result(2))["result"], "A prompt.");
  driven.prompt("/compact");
  await driven.result(3);
  assert.ok(driven.lines.some((line) => line["subtype"] === "compact_boundary"));
});

test("a prompt of 2 MB with U+2028 in it is one message", async () => {
  using place = new Place();
  const script = place.script(
    "turns:\n  - - write: { path: a.txt, content: '{{prompt}}' }\n    - say: '{{prompt}}'\n",
  );
  await using driven = new Driven(place, { script });
  const prompt = `${"x".repeat(2_000_000)}\u2028end`;
  driven.send(JSON.stringify({ type: "user", message: { role: "user", content: prompt } }));
  assert.equal((await driven.result())["result"], prompt);
  assert.equal(place.read("a.txt"), prompt);
});

test("SIGTERM ends it with 143 and no result, and its command with it", async () => {
  using place = new Place();
  await using driven = new Driven(place, { script: place.script(SLEEPING) });
  driven.prompt("go");
  const pid = await sleeper(place, driven);
  driven.kill("SIGTERM");
  assert.deepEqual(await driven.exit, { code: 143, signal: null });
  assert.ok(!driven.lines.some((line) => line["type"] === "result"));
  await gone(pid);
});

test("SIGKILL leaves the command of the agent running, which leads a session of its own", async () => {
  using place = new Place();
  await using driven = new Driven(place, { script: place.script(SLEEPING), env: { MAKIMA_RUN_ID: "r-1" } });
  driven.prompt("go");
  const pid = await sleeper(place, driven);
  driven.kill("SIGKILL");
  await driven.exit;
  assert.ok(isAlive(pid));
  assert.match(readFileSync(`/proc/${pid}/environ`, "utf8"), /MAKIMA_RUN_ID=r-1/);
  const session = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3];
  assert.equal(Number(session), pid);
  process.kill(pid, "SIGKILL");
});

test("SIGINT in a tool gives the error result and code 0; while the API hangs, no result and code 0", async () => {
  using place = new Place();
  await using driven = new Driven(place, { script: place.script(SLEEPING) });
  driven.prompt("go");
  await sleeper(place, driven);
  driven.kill("SIGINT");
  assert.equal((await driven.exit).code, 0);
  assert.deepEqual(kinds(driven.lines), realKinds("v329-sigint-tool"));

  await using hanging = new Driven(place, { script: place.script("turns:\n  - - hang: true\n") });
  hanging.prompt("go");
  await hanging.until((line) => line["subtype"] === "init");
  hanging.kill("SIGINT");
  assert.equal((await hanging.exit).code, 0);
  assert.deepEqual(kinds(hanging.lines), realKinds("v329-sigint-hang"));
});

test("SIGTERM ends it even while nobody reads what it says", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - lines: { count: 100000, size: 1000 }\n");
  await using driven = new Driven(place, { script });
  driven.prompt("go");
  await driven.until((line) => line["type"] === "assistant");
  driven.stopReading();
  driven.kill("SIGTERM");
  assert.deepEqual(await driven.exited, { code: 143, signal: null });
});

test("a file that may not be written is a failed tool, not a dead agent", async () => {
  using place = new Place();
  place.write("file", "");
  const script = place.script(
    "turns:\n  - - write: { path: file/below.txt, content: a }\n    - say: Well.\n",
  );
  await using driven = new Driven(place, { script });
  driven.prompt("go");
  assert.equal((await driven.result())["result"], "Well.");
  assert.match(JSON.stringify(driven.lines), /"is_error":true/);
});

test("where the home cannot be written, the turn still runs", async () => {
  using place = new Place();
  place.write("file", "");
  const env = { MAKIMA_SIM_HOME: place.path("file/home") };
  await using driven = new Driven(place, { script: "happy", env });
  driven.prompt("go");
  assert.equal((await driven.result())["is_error"], false);
  assert.match(driven.stderr, /^The simulated session is not kept: .*MAKIMA_SIM_HOME\.\n$/);
});

test("a deaf hang heeds neither an interrupt nor signals", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - say: a\n    - hang: { secs: 0.3, deaf: true }\n    - say: b\n");
  await using driven = new Driven(place, { script, speed: 1 });
  driven.prompt("go");
  await driven.until((line) => line["subtype"] === "status");
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) driven.kill(signal);
  driven.send(interrupt);
  driven.end();
  assert.deepEqual(await driven.exit, { code: 0, signal: null });
  assert.deepEqual(textsOf(driven.lines), ["a", "b"]);
  assert.ok(!driven.lines.some((line) => line["type"] === "control_response"));
});
