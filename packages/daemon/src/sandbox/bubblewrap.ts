/**
 * The sandbox's command line: settings in, arguments of bubblewrap out.
 *
 * The whole system is there but read-only, without the person's secrets and without any of the system's
 * sockets; writable are the worktree, the agent's own configuration and what the person named. Every
 * namespace is unshared and every capability dropped, also for root, and no new user namespace can be made
 * inside. Mounts go from the root outwards, so that an inner one always stands above an outer one.
 */
import { isAbsolute, join, relative } from "node:path";
import { HOME_SECRETS, KERNEL_SECRETS, KERNEL_SWITCHES, MAKIMA_HOME_SECRETS, ROOT_SECRETS } from "./masks.ts";

export interface SandboxSettings {
  bwrapCommand: string;
  network: boolean;
  /** Paths that the person named; `~` is the home folder. */
  roBind: string[];
  rwBind: string[];
  home: string;
  /** makima runs as root. */
  root: boolean;
  /** The task's worktree, absolute; the command starts in it. */
  worktree: string;
  /** The agent's own configuration, writable where it exists. */
  agentConfig: string[];
  /** makima's things that the agent needs: its bin folder, prompts in files, the source's object store. */
  readOnly: string[];
  /** Parts of writable trees that are read-only all the same, beside the worktree's git config and hooks. */
  protect: string[];
  /** makima's own secrets: configuration, database, keys. */
  secrets: string[];
  /** An empty file of makima's, shown in the place of secret files. */
  emptyFile: string;
  /** Unix socket of makima's API, for agents without network. */
  apiSocket?: string;
}

/** What is at a path now, and where it really lies. */
export interface Seen {
  kind: "file" | "folder" | "missing";
  real: string;
}

export interface SandboxPlan {
  /** Goes before the command. */
  wrap: string[];
  /** Sentences on what was asked for and left out. */
  notes: string[];
}

interface Mount {
  to: string;
  args: string[];
  /** Of two mounts on one place the higher one wins. */
  rank: number;
}

const RANK = { base: 0, mask: 1, readOnly: 2, writable: 3, protect: 4 };

/** Folders of agents' configuration under a home folder; `CLAUDE_CONFIG_DIR` moves all of it. */
export function agentConfigPaths(home: string, configFolder?: string): string[] {
  const own = configFolder ? [configFolder] : [];
  return [join(home, ".claude"), join(home, ".claude.json"), join(home, ".config/claude"), ...own];
}

/** Pure but for `look`, which says what is at a path. */
export function sandboxPlan(settings: SandboxSettings, look: (path: string) => Seen): SandboxPlan {
  const notes: string[] = [];
  const mounts: Mount[] = [
    { to: "/", args: ["--ro-bind", "/", "/"], rank: RANK.base },
    { to: "/dev", args: ["--dev", "/dev"], rank: RANK.base },
    { to: "/proc", args: ["--proc", "/proc"], rank: RANK.base },
    { to: "/tmp", args: ["--tmpfs", "/tmp"], rank: RANK.base },
    // Sockets work through a read-only mount: Docker's or the session bus's would be a way out.
    { to: "/run", args: ["--tmpfs", "/run"], rank: RANK.base },
  ];

  function bind(option: "--bind" | "--ro-bind", path: string, rank: number, missing?: string): void {
    const full = expand(path, settings.home);
    if (!isAbsolute(full)) {
      notes.push(`${path} was not bound into the sandbox: it is not an absolute path.`);
      return;
    }
    const { kind, real } = look(full);
    if (kind !== "missing") mounts.push({ to: real, args: [option, real, real], rank });
    else if (missing) notes.push(`${path} was not bound into the sandbox: ${missing}.`);
  }

  for (const path of KERNEL_SWITCHES) bind("--ro-bind", path, RANK.mask);
  for (const path of secretPaths(settings)) {
    const { kind, real } = look(path);
    if (kind === "missing") continue;
    const args = kind === "folder" ? ["--tmpfs", real] : ["--ro-bind", settings.emptyFile, real];
    mounts.push({ to: real, args, rank: RANK.mask });
  }
  const resolver = look("/etc/resolv.conf").real;
  if (resolver.startsWith("/run/")) bind("--ro-bind", resolver, RANK.readOnly);
  for (const path of settings.readOnly) bind("--ro-bind", path, RANK.readOnly);
  if (settings.apiSocket) bind("--ro-bind", settings.apiSocket, RANK.readOnly, "makima's API is not there");
  for (const path of settings.roBind) bind("--ro-bind", path, RANK.readOnly, "it does not exist");
  bind("--bind", settings.worktree, RANK.writable, "it does not exist");
  for (const path of settings.agentConfig) bind("--bind", path, RANK.writable);
  for (const path of settings.rwBind) bind("--bind", path, RANK.writable, "it does not exist");
  for (const path of [...gitPaths(settings.worktree, look), ...settings.protect]) {
    bind("--ro-bind", path, RANK.protect);
  }

  const ordered = mounts.toSorted((a, b) => depth(a.to) - depth(b.to) || a.rank - b.rank);
  const wrap = [
    settings.bwrapCommand,
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    ...(settings.network ? [] : ["--unshare-net"]),
    "--disable-userns",
    "--cap-drop",
    "ALL",
    "--die-with-parent",
    "--new-session",
    ...ordered.flatMap((mount) => mount.args),
    "--chdir",
    look(settings.worktree).real,
    "--",
  ];
  return { wrap, notes };
}

function secretPaths(settings: SandboxSettings): string[] {
  const homes = new Set(settings.root ? [settings.home, "/root"] : [settings.home]);
  return [
    ...[...homes].flatMap((home) =>
      [...HOME_SECRETS, ...MAKIMA_HOME_SECRETS].map((name) => join(home, name)),
    ),
    ...(settings.root ? [...ROOT_SECRETS, ...KERNEL_SECRETS] : []),
    ...settings.secrets.map((path) => expand(path, settings.home)).filter(isAbsolute),
  ];
}

/** What of a worktree's git decides which programs git runs. */
function gitPaths(worktree: string, look: (path: string) => Seen): string[] {
  const pointer = join(worktree, ".git");
  if (look(pointer).kind === "file") return [pointer];
  return ["config", "config.worktree", "hooks"].map((name) => join(pointer, name));
}

function expand(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}

function depth(path: string): number {
  const inner = relative("/", path);
  return inner === "" ? 0 : inner.split("/").length;
}
