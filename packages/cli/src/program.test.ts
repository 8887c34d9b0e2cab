import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { COMMANDS } from "./command-table.ts";
import { pickFields } from "./output.ts";
import { buildProgram } from "./program.ts";
import { makima } from "./run/testing/makima.ts";
import { scratch } from "./run/testing/scratch-repository.ts";

interface ProblemText {
  code: string;
  exit: number;
  next: string[];
}

test("a bare makima says eight lines that begin with makima up", async () => {
  const { stdout, code } = await makima([]);
  const lines = stdout.trimEnd().split("\n");
  assert.deepEqual([code, lines.length, lines[0]?.startsWith("makima up")], [0, 8, true]);
});

test("the help names every command, and the commands are those that it names", async () => {
  const { stdout } = await makima(["--help"]);
  for (const { name, group } of COMMANDS)
    assert.equal(stdout.includes(`\n  ${name} `), group !== "hidden", name);
  const made = (await buildProgram()).commands.map((command) => command.name());
  assert.deepEqual(made.toSorted(), COMMANDS.map((entry) => entry.name).toSorted());
});

test("each command registers under the name, the aliases and the summary that the help knows", async () => {
  for (const entry of COMMANDS) {
    const program = await buildProgram(entry.name);
    const command = program.commands.find((one) => one.name() === entry.name);
    assert.ok(command, entry.name);
    assert.deepEqual(command.aliases().toSorted(), [...(entry.aliases ?? [])].toSorted(), entry.name);
  }
});

test("what is wrong on the command line exits 2 with the command that helps", async () => {
  for (const [args, next] of [
    [["inf"], "makima info"],
    [["info", "--jso"], "makima help info"],
    [["config", "lst"], "makima help config"],
    [["config", "get"], "makima help config"],
    [["config", "get", "process.nothing"], "makima config list"],
    [["up", "--idle-exit", "0"], undefined],
  ] as const) {
    const { code, stdout, stderr } = await makima([...args, "--json"]);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    const problem = JSON.parse(stderr) as ProblemText;
    assert.deepEqual([problem.code, problem.exit], ["USAGE", 2]);
    if (next !== undefined) assert.deepEqual(problem.next, [next]);
  }
});

test("a wrong configuration file is told with file and line, for people and for programs", async () => {
  using home = scratch("folder");
  const file = join(home.path, "c.toml");
  writeFileSync(file, "[server]\nprot = 1\n");
  const plain = await makima(["info", "--config", file]);
  assert.equal(plain.code, 2);
  assert.match(
    plain.stderr,
    new RegExp(`${file}:2: server.prot is not a known key; did you mean server.port\\?`),
  );
  const json = await makima(["info", "--config", file, "--json"]);
  assert.equal((JSON.parse(json.stderr) as ProblemText).code, "BAD_CONFIG");
});

test("commands that need a server exit 7 where none is, and say what starts one", async () => {
  for (const args of [["status"], ["tasks", "list"], ["contracts", "list"], ["daemon"]]) {
    const { code } = await makima(args);
    assert.equal(code, 7, args.join(" "));
  }
  const { stderr } = await makima(["tasks", "list"]);
  assert.match(stderr, /makima up/);
});

test("everything that is asked for as JSON is JSON, and nothing has an escape where no terminal is", async () => {
  for (const args of [
    ["info"],
    ["config", "list"],
    ["config", "path"],
    ["config", "get", "server.port"],
    ["doctor"],
    ["down"],
  ]) {
    const json = await makima([...args, "--json"], { env: { FORCE_COLOR: "1" } });
    assert.doesNotThrow(() => JSON.parse(json.stdout) as unknown, args.join(" "));
    const plain = await makima(args, { env: { NO_COLOR: "1" } });
    assert.ok(!`${plain.stdout}${plain.stderr}`.includes("\u001b"), args.join(" "));
  }
});

test("secrets in the configuration are never shown", async () => {
  const { stdout } = await makima(["config", "list", "--show-origin"], {
    env: { MAKIMA_API_KEY: "mk_secret" },
  });
  assert.match(stdout, /server\.api_key = "\(set\)"\tenvironment\tMAKIMA_API_KEY/);
  assert.doesNotMatch(stdout, /mk_secret/);
});

test("--json=fields picks fields, of each item where there are items", () => {
  const page = { items: [{ a: 1, b: 2 }], nextCursor: null };
  assert.deepEqual(pickFields(page, ["a", "c"]), { items: [{ a: 1, c: null }], nextCursor: null });
  assert.deepEqual(pickFields({ a: 1, b: 2 }, ["b"]), { b: 2 });
  assert.deepEqual(pickFields([{ a: 1 }], undefined), [{ a: 1 }]);
});

test("init never asks where no terminal is, writes with --yes, and never overwrites", async () => {
  using repository = scratch("commits");
  const cwd = repository.path;
  const env = { HOME: join(cwd, ".git") };
  repository.write("package.json", JSON.stringify({ scripts: { test: "node --test" } }));
  const asked = await makima(["init"], { cwd, env });
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /test_command = "npm test"[\s\S]*makima init --yes/);
  assert.equal(existsSync(join(cwd, "makima.toml")), false);
  const written = await makima(["init", "--yes"], { cwd, env });
  assert.deepEqual([written.code, written.stdout], [0, `${join(cwd, "makima.toml")}\n`]);
  const text = readFileSync(join(cwd, "makima.toml"), "utf8");
  const listed = await makima(["config", "get", "quality_gates.test_command"], { cwd, env });
  assert.equal(listed.stdout, "npm test\n", "what init wrote is confirmed by it");
  const again = await makima(["init", "--yes"], { cwd, env });
  assert.equal(again.code, 5);
  assert.equal(readFileSync(join(cwd, "makima.toml"), "utf8"), text);
});

test("exit codes are explained without a server or a configuration", async () => {
  const { stdout, code } = await makima(["help", "exit-codes"]);
  assert.equal(code, 0);
  for (const number of [0, 1, 2, 3, 4, 5, 6, 7, 124, 130])
    assert.match(stdout, new RegExp(`^ +${number} `, "m"));
});
