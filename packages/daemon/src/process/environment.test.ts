import assert from "node:assert/strict";
import { test } from "node:test";
import { agentEnvironment, commandEnvironment, type EnvironmentSpec } from "./environment.ts";

const SPEC: EnvironmentSpec = {
  agent: "claude",
  from: {
    PATH: "/usr/bin",
    HOME: "/home/dev",
    LC_TIME: "C",
    XDG_CONFIG_HOME: "/c",
    HTTPS_PROXY: "http://proxy",
    ANTHROPIC_API_KEY: "sk-ant",
    CLAUDE_CONFIG_DIR: "/claude",
    DISABLE_TELEMETRY: "1",
    API_TIMEOUT_MS: "5",
    CLAUDECODE: "1",
    AWS_SECRET_ACCESS_KEY: "secret",
    DATABASE_URL: "postgres://",
    NPM_TOKEN: "npm",
    MAKIMA_API_KEY: "the daemon's",
    MAKIMA_DATABASE_URL: "makima's",
    MAKIMA_SIM_SCRIPT: "s",
  },
  set: {},
  pass: [],
  taskId: "t1",
  contractId: "c1",
  apiUrl: "http://127.0.0.1:7717",
  apiKey: "the run's",
  binFolder: "/opt/makima/bin",
  sandboxed: false,
};

test("an agent gets the standard variables, its own kind's and makima's, and nothing else", () => {
  assert.deepEqual(agentEnvironment(SPEC), {
    PATH: "/opt/makima/bin:/usr/bin",
    HOME: "/home/dev",
    LC_TIME: "C",
    XDG_CONFIG_HOME: "/c",
    HTTPS_PROXY: "http://proxy",
    ANTHROPIC_API_KEY: "sk-ant",
    CLAUDE_CONFIG_DIR: "/claude",
    DISABLE_TELEMETRY: "1",
    API_TIMEOUT_MS: "5",
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
    MAKIMA_TASK_ID: "t1",
    MAKIMA_CONTRACT_ID: "c1",
    MAKIMA_API_URL: "http://127.0.0.1:7717",
    MAKIMA_API_KEY: "the run's",
  });
});

test("what the person named is added, and cannot take the place of makima's own", () => {
  const env = agentEnvironment({
    ...SPEC,
    set: { FOO: "1", MAKIMA_API_KEY: "forged", CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "0" },
    pass: ["NPM_TOKEN", "AWS_*", "MAKIMA_API_KEY", "MAKIMA_RUN_ID"],
  });
  assert.deepEqual([env["FOO"], env["NPM_TOKEN"], env["AWS_SECRET_ACCESS_KEY"]], ["1", "npm", "secret"]);
  assert.equal(env["MAKIMA_API_KEY"], "the run's");
  assert.equal(env["MAKIMA_RUN_ID"], undefined);
  assert.equal(env["CLAUDE_CODE_DISABLE_BACKGROUND_TASKS"], "0");
});

test("IS_SANDBOX is said only when it is so, or passed on from the operator", () => {
  assert.equal(agentEnvironment(SPEC)["IS_SANDBOX"], undefined);
  assert.equal(agentEnvironment({ ...SPEC, sandboxed: true })["IS_SANDBOX"], "1");
  const operator = agentEnvironment({ ...SPEC, from: { ...SPEC.from, IS_SANDBOX: "1" } });
  assert.equal(operator["IS_SANDBOX"], "1");
});

test("the simulated agent gets its own variables and not Claude's", () => {
  const env = agentEnvironment({ ...SPEC, agent: "sim" });
  assert.deepEqual([env["MAKIMA_SIM_SCRIPT"], env["ANTHROPIC_API_KEY"]], ["s", undefined]);
});

test("a check runs without the task's key and the agent's secrets", () => {
  const env = commandEnvironment(SPEC);
  assert.deepEqual(
    [env["MAKIMA_API_KEY"], env["ANTHROPIC_API_KEY"], env["HOME"]],
    [undefined, undefined, "/home/dev"],
  );
});
