/** Checks of the machine: node, git, disk, sandbox, user. */
import { chmodSync, existsSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Check } from "./check.ts";
import { findProgram, isAtLeast, versionIn } from "./probe-program.ts";

const GIB = 1024 ** 3;

export const node: Check = {
  id: "node",
  group: "This machine",
  title: "node",
  probe() {
    const version = process.versions.node;
    if (isAtLeast(version, "24")) return { state: "ok", detail: `${version} (needs 24 or newer)` };
    return {
      state: "error",
      detail: `${version}; makima needs 24 or newer`,
      fix: ["install Node 24: https://nodejs.org/en/download"],
    };
  },
};

export const git: Check = {
  id: "git",
  group: "This machine",
  title: "git",
  async probe({ context }, signal) {
    const program = await findProgram("git", context.env, context.cwd);
    if (!program) return { state: "error", detail: "not found on PATH", fix: [install("git")] };
    const version = versionIn((await program.ask(["--version"], signal)).stdout);
    if (version === undefined)
      return { state: "error", detail: `${program.path} does not say its version`, fix: [install("git")] };
    if (isAtLeast(version, "2.38")) return { state: "ok", detail: version };
    return { state: "error", detail: `${version}; makima needs 2.38 or newer`, fix: [install("git")] };
  },
};

export const disk: Check = {
  id: "disk",
  group: "This machine",
  title: "disk",
  async probe({ context }) {
    let folder = context.paths.stateDir;
    while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const detail = `${(free / GIB).toFixed(free < 10 * GIB ? 1 : 0)} GB free for ${context.paths.stateDir}`;
    const fix = ["free some space there, or move the data: makima up --data-dir FOLDER"];
    if (free < GIB / 5) return { state: "error", detail, fix };
    return free < 2 * GIB ? { state: "warning", detail, fix } : { state: "ok", detail };
  },
};

export const sandbox: Check = {
  id: "sandbox",
  group: "This machine",
  title: "sandbox",
  async probe({ context }, signal) {
    const { enabled, bwrap_command: command } = context.config.process.bubblewrap;
    const program = await findProgram(command, context.env, context.cwd);
    if (!program) {
      const detail =
        process.platform === "linux" ? "bubblewrap not found" : "bubblewrap exists for Linux only";
      if (!enabled) return { state: "info", detail: `off; ${detail}` };
      return {
        state: "error",
        detail: `on, but ${detail}`,
        fix: [install("bubblewrap"), "or switch it off: process.bubblewrap.enabled = false"],
      };
    }
    const tried = await program.ask(
      ["--ro-bind", "/", "/", "--unshare-user", "--unshare-pid", "true"],
      signal,
    );
    const version = versionIn((await program.ask(["--version"], signal)).stdout) ?? "";
    if (tried.code === 0)
      return { state: enabled ? "ok" : "info", detail: `bubblewrap ${version}, ${enabled ? "on" : "off"}` };
    const detail = `bubblewrap ${version} cannot make a sandbox here: ${tried.stderr.trim().split("\n")[0] ?? ""}`;
    if (!enabled) return { state: "info", detail };
    return {
      state: "error",
      detail,
      fix: [
        "allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 (Debian)",
        "or switch it off: process.bubblewrap.enabled = false",
      ],
    };
  },
};

export const root: Check = {
  id: "root",
  group: "This machine",
  title: "user",
  probe({ context }) {
    if (process.getuid?.() !== 0) return { state: "ok", detail: "not root" };
    if (context.env["IS_SANDBOX"] === "1")
      return { state: "info", detail: "root, IS_SANDBOX=1 is passed on to agents" };
    if (context.config.process.bubblewrap.enabled)
      return { state: "info", detail: "root; agents run in the sandbox" };
    if (context.config.process.enable_permissions)
      return { state: "info", detail: "root; agents ask before they use tools" };
    return {
      state: "warning",
      detail: "root: Claude Code refuses to skip permissions (the simulated agent works)",
      fix: [
        "run makima as another user",
        "or in a container that is thrown away: export IS_SANDBOX=1",
        "or sandbox agents: MAKIMA_PROCESS_BUBBLEWRAP_ENABLED=true",
      ],
    };
  },
};

export const keyFiles: Check = {
  id: "key-files",
  group: "This machine",
  title: "key files",
  probe({ context }) {
    const { localKeyFile, credentialsFile } = context.paths;
    const open = [localKeyFile, credentialsFile].filter(
      (file) => existsSync(file) && (statSync(file).mode & 0o077) !== 0,
    );
    if (open.length === 0) return { state: "ok", detail: "readable by you only" };
    return {
      state: "warning",
      detail: `others may read ${open.join(", ")}`,
      fix: [`chmod 600 ${open.join(" ")}`],
      repair: () => {
        for (const file of open) chmodSync(file, 0o600);
      },
    };
  },
};

function install(name: string): string {
  return process.platform === "darwin"
    ? `brew install ${name}`
    : `apt-get install ${name}   (or your system's way)`;
}
