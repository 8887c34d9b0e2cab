/** Real attempts to get out of the real sandbox. bubblewrap must be installed: without it these fail. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSocket, type AddressInfo } from "node:net";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { capture } from "../process/capture.ts";
import { ProcessError } from "../process/process-error.ts";
import { runCommand } from "../process/run-command.ts";
import { scratch } from "../process/testing/scratch.ts";
import { agentConfigPaths, type SandboxSettings } from "./bubblewrap.ts";
import { openSandbox } from "./open-sandbox.ts";

const ENV = { PATH: process.env["PATH"] ?? "" };

async function house(t: TestContext): Promise<SandboxSettings> {
  const base = await scratch(t);
  const home = join(base, "home");
  const worktree = join(home, ".makima/worktrees/t1");
  for (const folder of [".ssh", ".claude", ".makima/worktrees/t1/.git/hooks", "documents"]) {
    await mkdir(join(home, folder), { recursive: true });
  }
  await writeFile(join(home, ".ssh/id_ed25519"), "private key");
  await writeFile(join(home, ".netrc"), "password");
  await writeFile(join(home, "documents/letter"), "dear");
  await writeFile(join(home, ".makima/daemon.db"), "makima's own");
  await writeFile(join(worktree, ".git/config"), "[core]\n");
  const emptyFile = join(home, ".makima/empty");
  await writeFile(emptyFile, "");
  return {
    bwrapCommand: "bwrap",
    network: true,
    roBind: [],
    rwBind: [],
    home,
    root: userInfo().uid === 0,
    worktree,
    agentConfig: agentConfigPaths(home),
    // The test's home lies under /tmp, which is fresh inside.
    readOnly: [home],
    protect: [],
    secrets: [],
    emptyFile,
  };
}

async function inside(
  settings: SandboxSettings,
  script: string,
): Promise<{ code: number | null; said: string }> {
  const { wrap } = await openSandbox(settings, ENV);
  const [program = "", ...args] = wrap;
  const env = { ...ENV, H: settings.home };
  const done = await capture(program, [...args, "/bin/sh", "-c", script], { timeoutMs: 30_000, env });
  return { code: done.code, said: `${done.stdout}${done.stderr}`.trim() };
}

test("the worktree and the agent's configuration can be written", async (t) => {
  const settings = await house(t);
  const { code, said } = await inside(settings, 'echo made > made && echo x > "$H/.claude/x" && pwd');
  assert.deepEqual([code, said], [0, settings.worktree]);
  assert.equal(await readFile(join(settings.worktree, "made"), "utf8"), "made\n");
});

const REFUSED: Record<string, string> = {
  "write to the system": "echo x > /etc/makima-escape",
  "write to the home folder": 'echo x > "$H/documents/letter"',
  "read an ssh key": 'cat "$H/.ssh/id_ed25519"',
  "read makima's database": 'cat "$H/.makima/daemon.db"',
  "change the worktree's git config": "echo x >> .git/config",
  "replace the worktree's git config": "mv .git/config .git/c2",
  "move the hooks away": "mv .git/hooks .git/h2",
  "add a git hook": "echo x > .git/hooks/post-checkout",
  "mount something": "mount -t tmpfs none /mnt",
  "make the root writable": "mount -o remount,rw /",
  "make a user namespace": "unshare --user true",
  "become somebody else": "setpriv --reuid=1 true",
  "see processes outside": `kill -0 ${process.pid}`,
  "reach a terminal": "echo x > /dev/tty",
  "read memory of the kernel": "head -c1 /dev/mem",
  "see a disk": "ls /dev/sda /dev/vda",
  "change a setting of the kernel": "cat /proc/sys/kernel/core_pattern > /proc/sys/kernel/core_pattern",
  "ask the kernel for help": "echo h > /proc/sysrq-trigger",
  "find a file of the kernel that can be written":
    "find /proc/sys /sys -type f -writable 2>/dev/null | head -1 | grep .",
};

for (const [attempt, script] of Object.entries(REFUSED)) {
  test(`it is impossible to ${attempt}`, async (t) => {
    const { code, said } = await inside(await house(t), script);
    assert.notEqual(code, 0, said);
  });
}

test("secret files read empty, and as root the shadow file too", async (t) => {
  const settings = await house(t);
  const { said } = await inside(settings, 'cat "$H/.netrc"; cat /etc/shadow 2>/dev/null; id -u');
  assert.equal(said, String(userInfo().uid));
});

test("no capability is left and /tmp is a fresh one", async (t) => {
  const settings = await house(t);
  const { said } = await inside(
    settings,
    "grep CapEff /proc/self/status; ls /tmp | grep -v '^makima-test' | wc -l",
  );
  assert.match(said, /CapEff:\s+0000000000000000\n0/);
});

test("sockets of the system cannot be reached, though a read-only root would let them through", async (t) => {
  const settings = await house(t);
  if (settings.root) {
    const server = createSocket().listen(`/run/makima-test-${randomUUID().slice(0, 8)}.sock`);
    await new Promise((resolve) => server.once("listening", resolve));
    t.after(() => server.close());
  }
  assert.deepEqual(await inside(settings, "find /run/ /var/run/ -type s"), { code: 0, said: "" });
});

test("without network not even this machine is reached; with it, it is", async (t) => {
  const made = await house(t);
  // Node itself may lie where the sandbox has a folder of its own.
  const settings = { ...made, readOnly: [...made.readOnly, dirname(process.execPath)] };
  const server = createServer((_, reply) => reply.end("hello")).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const fetching = `"${process.execPath}" -e "fetch('http://127.0.0.1:${port}').then((r) => r.text()).then(console.log, () => process.exit(7))"`;
  assert.deepEqual(await inside(settings, fetching), { code: 0, said: "hello" });
  assert.deepEqual(await inside({ ...settings, network: false }, fetching), { code: 7, said: "" });
});

test("a configured command runs in it, and leaves nothing behind", async (t) => {
  const settings = await house(t);
  const { wrap } = await openSandbox(settings, ENV);
  const result = await runCommand({
    command: "(sleep 1000 &) ; echo from inside; exit 4",
    wrap,
    cwd: settings.worktree,
    env: ENV,
    timeoutMs: 0,
  });
  assert.deepEqual([result.exitCode, result.outputTail], [4, "from inside\n"]);
});

test("a sandbox that is asked for and cannot be had is an error that says what to install", async (t) => {
  const settings = await house(t);
  await assert.rejects(
    openSandbox({ ...settings, bwrapCommand: "no-bwrap" }, ENV),
    (error: unknown) =>
      error instanceof ProcessError &&
      error.kind === "sandbox" &&
      error.message.includes("apt-get install bubblewrap"),
  );
  const broken = join(settings.home, "broken");
  await writeFile(broken, "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n", {
    mode: 0o755,
  });
  await assert.rejects(
    openSandbox({ ...settings, bwrapCommand: broken }, ENV),
    /No permissions to create new namespace/,
  );
  await stat(settings.worktree);
});
