import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { classify, kindOfWord, type RunFacts } from "./classify.ts";
import type { ErrorKind } from "./task.ts";

const NOW = 1_795_215_600_000; // 2026-11-20T23:00:00Z
const failed = (text: string, rest: Partial<NonNullable<RunFacts["result"]>> = {}): RunFacts => ({
  exitCode: 1,
  result: { isError: true, text, subtype: "success", ...rest },
});

const spawn = (code: string): RunFacts => ({ spawnError: { code, message: `spawn claude ${code}` } });

describe("the class of an error", () => {
  const byText: [ErrorKind, string, number?][] = [
    ["overloaded", "API Error: 529 Overloaded. This is a server-side issue, usually temporary", 529],
    ["overloaded", "API Error: 500 Internal server error. This is a server-side issue", 500],
    ["overloaded", "API Error: Request rejected (429) · slow down", 429],
    ["overloaded", "API Error: Server is temporarily limiting requests (not your usage limit) · x", 429],
    ["usage_limit", "You've hit your session limit · resets 12:36am (UTC)", 429],
    ["usage_limit", "You've hit your 5-hour limit · resets 12:52am (UTC)", 429],
    ["auth", "Invalid API key · Fix external API key", 401],
    ["auth", "Failed to authenticate. API Error: 401 no", 401],
    [
      "auth",
      "Your account does not have access to Claude. Please login again or contact your administrator.",
      403,
    ],
    ["auth", "Not logged in · Please run /login"],
    ["limit_reached", "Credit balance is too low", 400],
    ["context_exhausted", "Prompt is too long · 210000 tokens", 400],
    ["network", "API Error: Unable to connect to API (ECONNRESET)"],
    ["network", "API Error: Unable to connect to API (ConnectionRefused)"],
    ["unknown", "There's an issue with the selected model (x). It may not exist", 404],
    ["unknown", "API Error: Claude's response exceeded the 64000 output token maximum."],
    ["unknown", "API Error: 400 something new", 400],
  ];
  for (const [kind, text, status] of byText) {
    it(`is ${kind} for "${text.slice(0, 50)}" (${status ?? "no status"}), with and without the status`, () => {
      const rest = status === undefined ? {} : { apiErrorStatus: status };
      assert.equal(classify(failed(text, rest), NOW)?.kind, kind);
      assert.equal(classify(failed(text), NOW)?.kind, kind);
    });
  }

  it("is none when the process ended with 0 and its last result is no error", () => {
    const facts: RunFacts = {
      exitCode: 0,
      result: { isError: false, text: "Please run /login is what the file says" },
      rateLimit: { status: "allowed", resetsAt: NOW },
      retry: { error: "overloaded", status: 529 },
      stderr: "ENOSPC",
    };
    assert.equal(classify(facts, NOW), undefined);
  });

  it("is a crash when there is no result, whatever the exit code", () => {
    assert.deepEqual(classify({ exitCode: 0 }, NOW), {
      kind: "crash",
      message: "The agent ended without a result",
    });
    assert.deepEqual(classify({ signal: "SIGKILL" }, NOW), {
      kind: "crash",
      message: "The agent was ended by SIGKILL",
    });
    assert.equal(classify({ exitCode: 3, stderr: "panic: oh\n" }, NOW)?.message, "panic: oh (Exit code: 3)");
    assert.equal(classify({ exitCode: 3, result: { isError: false, text: "" } }, NOW)?.kind, "crash");
  });

  it("does not believe a good result's text", () => {
    const facts: RunFacts = { exitCode: 1, result: { isError: false, text: "Please run /login" } };
    assert.equal(classify(facts, NOW)?.kind, "crash");
  });

  it("takes the time of a usage limit from the wire, else from the text", () => {
    const text = "You've hit your session limit · resets 12:36am (UTC)";
    const resetsAt = NOW + 5_780_000;
    const wire: RunFacts = {
      ...failed(text, { apiErrorStatus: 429 }),
      rateLimit: { status: "rejected", resetsAt },
    };
    assert.equal(classify(wire, NOW)?.resetsAt, resetsAt);
    assert.equal(classify(failed(text), NOW)?.resetsAt, NOW + 96 * 60_000);
    assert.equal(classify(failed("You've hit your session limit"), NOW)?.resetsAt, undefined);
  });

  it("trusts the rate limit before what was declared, that before the status, that before the retries", () => {
    const all: RunFacts = {
      ...failed("no idea", { apiErrorStatus: 401 }),
      rateLimit: { status: "rejected" },
      declared: { kind: "disk_full", message: "x" },
      retry: { error: "overloaded", status: 529 },
    };
    const { rateLimit: _one, ...declared } = all;
    const { declared: _two, ...status } = declared;
    const retries: RunFacts = { ...status, ...failed("no idea") };
    const kinds = [all, declared, status, retries].map((facts) => classify(facts, NOW)?.kind);
    assert.deepEqual(kinds, ["usage_limit", "disk_full", "auth", "overloaded"]);
  });

  it("asks the text where an adapter left the class open", () => {
    const declared = { kind: "unknown", message: "Prompt is too long" } as const;
    assert.equal(classify({ exitCode: 1, declared }, NOW)?.kind, "context_exhausted");
    assert.equal(
      classify({ exitCode: 1, declared: { kind: "unknown", message: "?" } }, NOW)?.kind,
      "unknown",
    );
  });

  it("is limit_reached where the agent kept to its own limit", () => {
    const budget = failed("", {
      subtype: "error_max_budget_usd",
      errors: ["Reached maximum budget ($0.005)"],
    });
    assert.equal(classify(budget, NOW)?.kind, "limit_reached");
    assert.equal(classify(failed("", { terminalReason: "max_turns" }), NOW)?.kind, "limit_reached");
    assert.equal(classify(failed("", { subtype: "error_max_turns" }), NOW)?.kind, "limit_reached");
  });

  it("says when a session is lost", () => {
    const result = { isError: true, text: "", subtype: "error_during_execution" };
    const stderr = "No conversation found with session ID: 0b8f\n";
    assert.deepEqual(classify({ exitCode: 1, stderr, result }, NOW), {
      kind: "crash",
      message: "No conversation found with session ID: 0b8f",
      sessionLost: true,
    });
    assert.equal(
      classify({ exitCode: 1, stderr: "Error: Session ID ab is already in use." }, NOW)?.sessionLost,
      true,
    );
  });

  it("names what kept the process from starting", () => {
    assert.equal(classify(spawn("ENOENT"), NOW)?.kind, "agent_missing");
    assert.equal(classify({ ...spawn("ENOENT"), cwdMissing: true }, NOW)?.kind, "repo");
    assert.equal(classify(spawn("EACCES"), NOW)?.kind, "agent_missing");
    assert.equal(classify(spawn("ENOSPC"), NOW)?.kind, "disk_full");
    assert.equal(classify(spawn("EAGAIN"), NOW)?.kind, "crash");
    assert.equal(classify({ exitCode: 127 }, NOW)?.kind, "agent_missing");
  });

  it("reads stderr last", () => {
    const cases: [ErrorKind, string][] = [
      ["sandbox", "bwrap: No permissions to create new namespace"],
      [
        "sandbox",
        "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
      ],
      ["agent_missing", "Error: claude native binary not installed."],
      ["disk_full", "write: ENOSPC: no space left on device"],
    ];
    for (const [kind, stderr] of cases) assert.equal(classify({ exitCode: 1, stderr }, NOW)?.kind, kind);
    assert.equal(classify({ timedOut: true, signal: "SIGTERM" }, NOW)?.kind, "timeout");
  });

  it("of an announced retry without a status is the network", () => {
    assert.equal(classify({ exitCode: 1, retry: { error: "unknown" } }, NOW)?.kind, "network");
    assert.equal(
      classify({ exitCode: 1, retry: { error: "authentication_failed", status: 401 } }, NOW)?.kind,
      "auth",
    );
  });

  it("of an agent's own word takes the text into account", () => {
    assert.equal(kindOfWord("authentication_failed", "overloaded"), "auth");
    assert.equal(
      kindOfWord("rate_limit", "You've hit your weekly limit · resets Oct 6, 1pm (UTC)"),
      "usage_limit",
    );
    assert.equal(kindOfWord("rate_limit", "slow down"), "overloaded");
    assert.equal(kindOfWord("server_error", "API Error: Unable to connect to API (ECONNRESET)"), "network");
    assert.equal(kindOfWord("invalid_request", "Prompt is too long"), "context_exhausted");
    assert.equal(kindOfWord("billing_error"), "limit_reached");
    assert.equal(kindOfWord("something new"), "unknown");
    assert.equal(kindOfWord("constructor"), "unknown");
  });

  it("is always one, with a message, unless all is well", () => {
    const result = fc.record(
      { isError: fc.boolean(), text: fc.string(), apiErrorStatus: fc.integer({ min: 100, max: 600 }) },
      { requiredKeys: ["isError", "text"] },
    );
    const facts = fc.record(
      {
        exitCode: fc.integer({ min: 0, max: 255 }),
        signal: fc.constant("SIGTERM"),
        result,
        stderr: fc.string(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(facts, (any) => {
        const well = any.exitCode === 0 && any.signal === undefined && any.result?.isError === false;
        const failure = classify(any, NOW);
        assert.equal(failure === undefined, well);
        assert.notEqual(failure?.message, "");
      }),
    );
  });
});
