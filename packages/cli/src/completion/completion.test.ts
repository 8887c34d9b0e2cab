import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { buildProgram } from "../program.ts";
import { fakeServer } from "../run/testing/fake-server.ts";
import { makima } from "../run/testing/makima.ts";
import { scratch } from "../run/testing/scratch-repository.ts";
import { taskView } from "../run/testing/views.ts";
import { completionTree } from "./tree.ts";
import { completionScript, SHELLS } from "./scripts.ts";

/** What bash offers for a command line whose last word is being typed. */
function complete(script: string, line: string[], path: string): string[] {
  const words = ["makima", ...line].map((word) => `'${word}'`).join(" ");
  const ask = `${script}\nCOMP_WORDS=(${words}); COMP_CWORD=${line.length}; _makima; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const said = execFileSync("bash", ["--norc", "-c", ask], {
    encoding: "utf8",
    env: { PATH: `${path}:/usr/bin:/bin` },
  });
  return said.split("\n").filter((word) => word !== "");
}

test("bash completes commands, subcommands, flags and live ids", async () => {
  using folder = scratch("folder");
  writeFileSync(
    join(folder.path, "makima"),
    '#!/bin/sh\n[ "$1 $2" = "__complete tasks" ] && printf "t-91c2\\tapi\\nt-83d0\\tschema\\n"\n',
  );
  chmodSync(join(folder.path, "makima"), 0o755);
  const script = completionScript("bash", completionTree(await buildProgram()));
  const offered = (...line: string[]) => complete(script, line, folder.path);
  assert.deepEqual(offered("doc"), ["doctor"]);
  assert.deepEqual(offered("config", "pa"), ["path"]);
  assert.deepEqual(offered("up", "--idle"), ["--idle-exit"]);
  assert.deepEqual(offered("--data-dir", "status", "conf"), ["config"], "what a flag takes is no command");
  assert.deepEqual(offered("tasks", "show", "t-9"), ["t-91c2"]);
  assert.deepEqual(offered("task", "logs", "-f", ""), ["t-91c2", "t-83d0"]);
  assert.ok(!offered("").includes("__complete"));
});

test("every shell's script is made from the whole tree", async () => {
  const tree = completionTree(await buildProgram());
  for (const shell of SHELLS) {
    const script = completionScript(shell, tree);
    for (const word of ["doctor", "checkpoints", "idle-exit", "__complete"])
      assert.ok(script.includes(word), `${shell}: ${word}`);
  }
});

test("ids come from the server with what they are; none where it does not answer", async () => {
  await using server = await fakeServer({
    listTasks: () => ({ items: [taskView({ name: "evil\u001b[2J\tname" })], nextCursor: null }),
  });
  const { stdout } = await makima(["__complete", "tasks", "--within", "60000"], { server });
  const [id, about] = stdout.trimEnd().split("\t");
  assert.equal(id, taskView().shortId);
  assert.ok(about?.endsWith("evil name"), about);
  const away = await makima(["__complete", "tasks"], { env: { MAKIMA_API_URL: "http://127.0.0.1:9" } });
  assert.deepEqual([away.code, away.stdout, away.stderr], [0, "", ""]);
});
