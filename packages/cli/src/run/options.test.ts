import assert from "node:assert/strict";
import { test } from "node:test";
import { createContract } from "@makima/protocol/api/contracts";
import { taskSettingsSchema } from "@makima/protocol/api/task-schema";
import { configSchema } from "@makima/protocol/config";
import { runOptionsSchema } from "@makima/protocol/run-spec";
import { contractLimits, contractOptions, taskSettings, type RunFlags } from "./options.ts";

const FLAGS: RunFlags = { agent: "claude", autonomous: true, action: "branch" };
const config = (given: unknown = {}) => configSchema.parse(given);

test("every option that a run obeys is resolved, so that the server needs no default of its own", () => {
  const options = contractOptions(config(), {});
  assert.deepEqual(runOptionsSchema.parse(options), options);
  assert.equal(options.requireTests, false);
  assert.deepEqual(options.autoAppendStandard, ["no_uncommitted_changes", "tests_pass"]);
  assert.equal(options.testCommand, undefined, "an empty command is one to be found");
});

test("flags win over the configuration", () => {
  const from = config({
    quality_gates: { test_command: "make test" },
    commit_discipline: { require_tests: true },
  });
  assert.equal(contractOptions(from, {}).testCommand, "make test");
  assert.equal(contractOptions(from, {}).requireTests, true);
  assert.equal(contractOptions(from, { testCommand: "npm test" }).testCommand, "npm test");
  assert.equal(contractOptions(from, { requireTests: false }).requireTests, false);
});

test("a task's settings are what the API takes", () => {
  const settings = taskSettings(config({ limits: { max_cost_usd: 3 } }), {
    ...FLAGS,
    agent: "sim",
    agentScript: "happy",
    agentSpeed: 20,
    maxIterations: 4,
    action: "merge",
    target: "release",
  });
  assert.ok(taskSettingsSchema.safeParse(settings).success);
  assert.deepEqual(contractLimits(settings), { maxIterations: 4, maxCostUsd: 3 });
  assert.ok(
    createContract.body?.safeParse({ goal: "x", task: settings, limits: contractLimits(settings) }).success,
  );
});

test("the configuration's iterations hold where no flag names some, and never above the hard limit", () => {
  const from = config({ autonomous_loop: { default_max_iterations: 20, hard_limit: 8 } });
  assert.equal(taskSettings(from, FLAGS).maxIterations, 8);
  assert.throws(() => taskSettings(from, { ...FLAGS, maxIterations: 9 }), /hard limit of 8/);
});

test("flags that cannot be obeyed together are refused", () => {
  assert.throws(() => taskSettings(config(), { ...FLAGS, agentScript: "happy" }), /simulated agent only/);
  assert.throws(() => taskSettings(config(), { ...FLAGS, agentSpeed: 2 }), /--agent-speed/);
  assert.throws(() => taskSettings(config(), { ...FLAGS, target: "main" }), /merges nothing/);
});
