import assert from "node:assert/strict";
import { test } from "node:test";
import { agentConfigPaths, sandboxPlan, type SandboxSettings, type Seen } from "./bubblewrap.ts";

const SETTINGS: SandboxSettings = {
  bwrapCommand: "/usr/bin/bwrap",
  network: true,
  roBind: [],
  rwBind: [],
  home: "/home/dev",
  root: false,
  worktree: "/home/dev/.makima/worktrees/t1",
  agentConfig: agentConfigPaths("/home/dev"),
  readOnly: [],
  protect: [],
  secrets: [],
  emptyFile: "/home/dev/.makima/empty",
};

const FOLDERS = new Set([
  "/home/dev/.makima",
  "/home/dev/.makima/worktrees/t1",
  "/home/dev/.makima/worktrees/t1/.git",
  "/home/dev/.makima/worktrees/t1/.git/hooks",
  "/home/dev/.claude",
  "/home/dev/.ssh",
  "/srv/cache",
  "/home/dev",
]);
const FILES = new Set(["/home/dev/.netrc", "/home/dev/.makima/worktrees/t1/.git/config", "/etc/shadow"]);
const look = (path: string): Seen => ({
  kind: FOLDERS.has(path) ? "folder" : FILES.has(path) ? "file" : "missing",
  real: path,
});

/** The mounts in order, as `option path`. */
function mounts(settings: Partial<SandboxSettings>, at = look): string[] {
  const { wrap } = sandboxPlan({ ...SETTINGS, ...settings }, at);
  const shown: string[] = [];
  for (const [n, word] of wrap.entries()) {
    if (word === "--bind" || word === "--ro-bind") shown.push(`${word.slice(2)} ${wrap[n + 2]}`);
    if (word === "--tmpfs" || word === "--dev" || word === "--proc")
      shown.push(`${word.slice(2)} ${wrap[n + 1]}`);
  }
  return shown;
}

test("the sandbox unshares everything, drops every capability, and dies with the daemon", () => {
  const { wrap } = sandboxPlan(SETTINGS, look);
  for (const word of [
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--disable-userns",
    "--die-with-parent",
    "--new-session",
  ]) {
    assert.ok(wrap.includes(word), word);
  }
  assert.equal(wrap[wrap.indexOf("--cap-drop") + 1], "ALL");
  assert.deepEqual(wrap.slice(-3), ["--chdir", SETTINGS.worktree, "--"]);
  assert.ok(!wrap.includes("--unshare-net"));
  assert.ok(sandboxPlan({ ...SETTINGS, network: false }, look).wrap.includes("--unshare-net"));
});

test("the root is read-only, secrets are masked, and what must be written lies above both", () => {
  assert.deepEqual(mounts({}), [
    "ro-bind /",
    "dev /dev",
    "proc /proc",
    "tmpfs /tmp",
    "tmpfs /run",
    "tmpfs /home/dev/.ssh",
    "ro-bind /home/dev/.netrc",
    "tmpfs /home/dev/.makima",
    "bind /home/dev/.claude",
    "bind /home/dev/.makima/worktrees/t1",
    "ro-bind /home/dev/.makima/worktrees/t1/.git/config",
    "ro-bind /home/dev/.makima/worktrees/t1/.git/hooks",
  ]);
});

test("a bound home folder does not uncover the secrets in it, a secret bound by name is the person's wish", () => {
  const order = mounts({ rwBind: ["~"] });
  assert.ok(order.indexOf("bind /home/dev") < order.indexOf("tmpfs /home/dev/.ssh"));
  const named = mounts({ roBind: ["~/.ssh"] });
  assert.ok(named.indexOf("tmpfs /home/dev/.ssh") < named.indexOf("ro-bind /home/dev/.ssh"));
});

test("as root the system's secrets and root's home are masked too", () => {
  assert.ok(!mounts({}).includes("ro-bind /etc/shadow"));
  assert.ok(mounts({ root: true }).includes("ro-bind /etc/shadow"));
});

test("binds that do not exist or are not absolute are left out with a note", () => {
  const { wrap, notes } = sandboxPlan(
    { ...SETTINGS, roBind: ["/nowhere"], rwBind: ["rel", "/srv/cache"] },
    look,
  );
  assert.deepEqual(notes, [
    "/nowhere was not bound into the sandbox: it does not exist.",
    "rel was not bound into the sandbox: it is not an absolute path.",
  ]);
  assert.ok(!wrap.includes("/nowhere") && !wrap.includes("rel") && wrap.includes("/srv/cache"));
});

test("a linked worktree's pointer is read-only, and a secret behind a link is masked where it lies", () => {
  const linked = (path: string): Seen => {
    if (path === `${SETTINGS.worktree}/.git`) return { kind: "file", real: path };
    if (path === "/home/dev/.ssh") return { kind: "folder", real: "/data/dotfiles/ssh" };
    if (path === "/etc/resolv.conf") return { kind: "file", real: "/run/systemd/resolve/stub-resolv.conf" };
    if (path.startsWith("/run/systemd")) return { kind: "file", real: path };
    return look(path);
  };
  const order = mounts({}, linked);
  assert.ok(order.includes(`ro-bind ${SETTINGS.worktree}/.git`));
  assert.ok(order.includes("tmpfs /data/dotfiles/ssh"));
  assert.ok(order.includes("ro-bind /run/systemd/resolve/stub-resolv.conf"));
});
