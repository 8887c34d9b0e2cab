import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { scratch } from "./run/testing/scratch-repository.ts";

const WRAPPER = fileURLToPath(new URL("../../../makima", import.meta.url));

function run(program: string, args: string[], cwd: string, path = process.env["PATH"] ?? "") {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: { PATH: path, HOME: cwd },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** A clone without anything installed, and an npm that installs nothing but Node. */
function freshClone(npm: string) {
  const folder = scratch("folder", "makima wrapper's ");
  const root = join(folder.path, "clone of it");
  const bin = join(folder.path, "bin");
  mkdirSync(join(root, "packages", "cli", "src"), { recursive: true });
  mkdirSync(bin);
  copyFileSync(WRAPPER, join(root, "makima"));
  writeFileSync(join(root, "package-lock.json"), "{}");
  writeFileSync(
    join(root, "packages", "cli", "src", "main.ts"),
    "console.log(process.cwd(), ...process.argv.slice(2));",
  );
  writeFileSync(join(bin, "npm"), `#!/bin/sh\necho "npm $*" >>"${folder.path}/npm.log"\n${npm}\n`);
  chmodSync(join(bin, "npm"), 0o755);
  const path = `${bin}:/usr/bin:/bin`;
  return {
    root,
    outside: folder.path,
    run: (...args: string[]) => run(join(root, "makima"), args, folder.path, path),
    installs: () => readFileSync(join(folder.path, "npm.log"), "utf8").trim().split("\n").length,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const INSTALL = `mkdir -p node_modules/.bin; ln -sf "${process.execPath}" node_modules/.bin/node; echo noise; touch node_modules/.package-lock.json`;

test("the wrapper works from any folder and through links, and keeps the current folder", async () => {
  using folder = scratch("folder");
  symlinkSync(WRAPPER, join(folder.path, "first"));
  symlinkSync("first", join(folder.path, "second"));
  const version = await run(join(folder.path, "second"), ["--version"], folder.path);
  assert.deepEqual([version.code, version.stdout], [0, "makima 0.1.0\n"]);
  const usage = await run("./second", ["nothing"], folder.path);
  assert.equal(usage.code, 2);
});

test("a fresh clone is installed once, said on stderr, and again when the list of packages changed", async () => {
  using clone = freshClone(INSTALL);
  const first = await clone.run("a b", "c");
  assert.deepEqual([first.code, first.stdout], [0, `${clone.outside} a b c\n`]);
  assert.match(first.stderr, /installing what it needs/);
  const second = await clone.run();
  assert.deepEqual([second.code, second.stderr, clone.installs()], [0, "", 1]);
  const later = new Date(Date.now() + 10_000);
  utimesSync(join(clone.root, "package-lock.json"), later, later);
  await clone.run();
  assert.equal(clone.installs(), 2);
});

test("two first calls at once install once", async () => {
  using clone = freshClone(`sleep 0.3; ${INSTALL}`);
  const both = await Promise.all([clone.run("1"), clone.run("2")]);
  assert.deepEqual(
    both.map(({ code }) => code),
    [0, 0],
  );
  assert.equal(clone.installs(), 1);
});

test("an installation that fails is told with the command to repeat, and does not block the next", async () => {
  using clone = freshClone("echo 'npm error: no network' >&2; exit 1");
  for (let n = 1; n <= 2; n += 1) {
    const { code, stderr } = await clone.run();
    assert.equal(code, 1);
    assert.match(stderr, /no network[\s\S]*the installation failed[\s\S]*npm ci/);
  }
});
