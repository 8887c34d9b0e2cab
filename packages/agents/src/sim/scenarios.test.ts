/** Each built-in scenario in a fresh repository, at high speed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { converse, Driven, Place, textsOf, type Line } from "./testing/drive.ts";
import { simulatedAgent } from "./where.ts";

const ID = "9df2e274-a311-42ac-824b-347e20146798";

function git(place: Place, ...words: string[]): string {
  return execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...words], {
    cwd: place.cwd,
    encoding: "utf8",
  });
}

/** Whether the last gate of the agent's own text says ready; undefined without one. */
function readyOf(lines: readonly Line[]): boolean | undefined {
  const own = lines.filter((line) => line["parent_tool_use_id"] === null);
  const gates = textsOf(own)
    .join("\n")
    .matchAll(/<COMPLETION_GATE>\nready: (true|false)\n/g);
  const last = [...gates].at(-1)?.[1];
  return last === undefined ? undefined : last === "true";
}

/** Begins a session, then resumes it with a further message, each in a process of its own. */
async function twice(place: Place, script: string, env: Record<string, string> = {}) {
  const first = await converse(place, { script, env, more: ["--session-id", ID] }, "Do it.");
  const second = await converse(place, { script, env, more: ["--resume", ID] }, "Go on.");
  return { first, second };
}

test("happy writes, tries, commits and is ready", async () => {
  using place = new Place();
  const { lines, code } = await converse(place, { script: "happy" }, "Do it.");
  assert.equal(code, 0);
  assert.equal(readyOf(lines), true);
  assert.match(git(place, "log", "--format=%an %s"), /^Simulated agent docs: add a note\n$/);
  assert.equal(git(place, "status", "--short"), "");
});

test("crash dies in the middle of a line, and its resume finishes", async () => {
  using place = new Place();
  const { first, second } = await twice(place, "crash");
  assert.deepEqual({ code: first.code, signal: first.signal }, { code: null, signal: "SIGKILL" });
  assert.equal(first.noise.length, 1);
  assert.equal(second.code, 0);
  assert.equal(readyOf(second.lines), true);
  assert.ok(existsSync(place.path("sim-before-crash.md")) && existsSync(place.path("sim-after-crash.md")));
});

test("loop changes nothing and names the same blocker in each iteration", async () => {
  using place = new Place();
  const { first, second } = await twice(place, "loop");
  for (const { lines } of [first, second]) {
    assert.equal(readyOf(lines), false);
    assert.match(textsOf(lines).at(-1) ?? "", /blockers: \["cannot find module/);
  }
  assert.equal(git(place, "status", "--short"), "");
});

test("no-gate works and prints no gate", async () => {
  using place = new Place();
  const { first, second } = await twice(place, "no-gate");
  assert.equal(readyOf([...first.lines, ...second.lines]), undefined);
  assert.equal(place.read("sim-no-gate.md"), "Iteration 1 wrote this.\nIteration 2 wrote this.\n");
});

test("spoofed-gate is ready everywhere but in its own text, and then there", async () => {
  using place = new Place();
  const { first, second } = await twice(place, "spoofed-gate");
  const spoofs = JSON.stringify(first.lines.filter((line) => line["type"] === "user"));
  assert.ok(spoofs.split("ready: true").length > 3);
  assert.equal(readyOf(first.lines), false);
  assert.equal(readyOf(second.lines), true);
});

test("usage-limit fails until the reset it names, then finishes", async () => {
  using place = new Place();
  const script = "usage-limit";
  const begun = Date.now();
  const first = await converse(place, { script, speed: 1, more: ["--session-id", ID] }, "Do it.");
  const { resetsAt } =
    first.lines.find((line) => line["type"] === "rate_limit_event")?.["rate_limit_info"] ?? {};
  assert.ok(resetsAt * 1000 >= begun + 20_000);
  assert.equal(first.code, 1);
  const early = await converse(place, { script, more: ["--resume", ID] }, "Go on.");
  assert.equal(early.last?.["api_error"], "usage_limit_reached");
  place.changeSession(ID, (state) => ({ ...state, failsUntil: { "-:1:1": 1 } }));
  const late = await converse(place, { script, more: ["--resume", ID] }, "Go on.");
  assert.equal(readyOf(late.lines), true);
});

test("overloaded retries as often as it may, fails once, and finishes", async () => {
  using place = new Place();
  const { first, second } = await twice(place, "overloaded", { CLAUDE_CODE_MAX_RETRIES: "1" });
  assert.equal(first.lines.filter((line) => line["subtype"] === "api_retry").length, 1);
  assert.equal(first.last?.["api_error_status"], 529);
  assert.equal(first.code, 1);
  assert.equal(readyOf(second.lines), true);
});

test("context-full reports a full window, fails, and a fresh session finishes", async () => {
  using place = new Place();
  const first = await converse(place, { script: "context-full" }, "Do it.");
  const said = first.lines.find((line) => line["type"] === "assistant");
  assert.equal(said?.["message"].usage.input_tokens, 195_000);
  assert.equal(first.last?.["modelUsage"].simulated.contextWindow, 200_000);
  assert.match(first.last?.["result"], /^Prompt is too long/);
  const second = await converse(place, { script: "context-full" }, "Hand-off.");
  assert.equal(readyOf(second.lines), true);
});

test("huge-output prints its thousand lines in order, and one line of more than 1 MB", async () => {
  using place = new Place();
  const { lines, code } = await converse(place, { script: "huge-output" }, "Do it.");
  const numbers = textsOf(lines).flatMap((text) => /^line (\d+)/.exec(text)?.[1] ?? []);
  assert.deepEqual(
    numbers.map(Number),
    Array.from({ length: 1000 }, (_, at) => at + 1),
  );
  assert.ok(lines.some((line) => JSON.stringify(line).length > 1_048_576));
  assert.equal(code, 0);
  assert.equal(readyOf(lines), true);
});

test("bad-utf8 prints noise between good lines", async () => {
  using place = new Place();
  const { lines, noise } = await converse(place, { script: "bad-utf8" }, "Do it.");
  assert.ok(noise.includes("warning: this line is not JSON"));
  assert.ok(noise.some((line) => line.includes("\uFFFD")));
  assert.equal(lines.find((line) => line["subtype"] === "status")?.["status"], "\uFFFD\uFFFD");
  assert.ok(textsOf(lines).some((text) => text.includes("ünïcödé, 漢字, 🙂, \u2028 and \u0000")));
  assert.equal(readyOf(lines), true);
});

test("orphan-child leaves two marked processes behind", async () => {
  using place = new Place();
  const mark = `orphan-${process.pid}`;
  const { lines } = await converse(place, { script: "orphan-child", env: { MAKIMA_RUN_ID: mark } }, "Do it.");
  assert.equal(readyOf(lines), true);
  const left = readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`MAKIMA_RUN_ID=${mark}`);
    } catch {
      return false;
    }
  });
  for (const pid of left) process.kill(Number(pid), "SIGKILL");
  // The stubborn one is a shell and its sleep.
  assert.equal(left.length, 3);
});

test("conflict makes branches that cannot be merged", async () => {
  using place = new Place();
  git(place, "commit", "-q", "--allow-empty", "-m", "base");
  for (const branch of ["one", "two"]) {
    git(place, "checkout", "-q", "-b", branch, "main");
    await converse(place, { script: "conflict" }, "Do it.");
  }
  assert.throws(() => git(place, "merge", "-q", "one"), /CONFLICT|Command failed/);
});

test("default says that it is a simulation and writes the prompt down", async () => {
  using place = new Place();
  const { lines } = await converse(place, { script: "" }, "Add rate limiting.\nTo the login.");
  assert.match(textsOf(lines)[0] ?? "", /This is a simulation/);
  assert.match(place.read("SIMULATED.md"), /> Add rate limiting\.\n> To the login\./);
  assert.equal(readyOf(lines), true);
});

test("demo fails its test after the first iteration and passes after the second", async () => {
  using place = new Place();
  cpSync(simulatedAgent().demoRepository, place.cwd, { recursive: true });
  git(place, "add", "-A");
  git(place, "commit", "-q", "-m", "base");
  const passes = () => {
    try {
      execFileSync(process.execPath, ["--test"], {
        cwd: place.cwd,
        stdio: "ignore",
        env: { PATH: process.env["PATH"] },
      });
      return true;
    } catch {
      return false;
    }
  };
  assert.equal(passes(), false);
  await using driven = new Driven(place, { script: "demo" });
  driven.prompt("Fix the rounding.");
  await driven.result();
  assert.equal(readyOf(driven.lines), true);
  assert.equal(passes(), false);
  driven.prompt("Not done: the half-cent test fails.");
  await driven.result(2);
  assert.equal(passes(), true);
  assert.match(git(place, "log", "-1", "--format=%s"), /^fix: round half a cent up/);
  const runs = driven.lines.flatMap((line) =>
    typeof line["tool_use_result"] === "string" ? [] : [line["tool_use_result"]?.stdout ?? ""],
  );
  assert.ok(runs.some((output) => /pass 5/.test(output)));
});
