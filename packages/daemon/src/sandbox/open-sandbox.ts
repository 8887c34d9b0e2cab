/** The sandbox on this machine: looks at its paths and proves that it really can be had. */
import { realpathSync, statSync } from "node:fs";
import { capture } from "../process/capture.ts";
import { findExecutable } from "../process/find-executable.ts";
import { ProcessError } from "../process/process-error.ts";
import { sandboxPlan, type SandboxPlan, type SandboxSettings, type Seen } from "./bubblewrap.ts";

const PROBE_MS = 10_000;

export function lookAt(path: string): Seen {
  try {
    const real = realpathSync(path);
    return { kind: statSync(real).isDirectory() ? "folder" : "file", real };
  } catch {
    return { kind: "missing", real: path };
  }
}

/**
 * The sandbox for these settings, after a trial run of `true` in it. Throws `ProcessError` sandbox_missing or
 * sandbox_failed: a sandbox that was asked for is never left out.
 */
export async function openSandbox(
  settings: SandboxSettings,
  env: Record<string, string>,
): Promise<SandboxPlan> {
  const bwrapCommand = await findExecutable(settings.bwrapCommand, env["PATH"] ?? "", settings.worktree);
  if (bwrapCommand === undefined) {
    throw new ProcessError(
      "sandbox_missing",
      `The sandbox is switched on, but "${settings.bwrapCommand}" was not found. Install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap; Arch: pacman -S bubblewrap), or switch [process.bubblewrap] off.`,
    );
  }
  const plan = sandboxPlan({ ...settings, bwrapCommand }, lookAt);
  const [program = bwrapCommand, ...args] = plan.wrap;
  const trial = await capture(program, [...args, "true"], { timeoutMs: PROBE_MS, env });
  if (trial.code === 0) return plan;
  const said = trial.stderr.trim().split("\n").at(-1) ?? "";
  throw new ProcessError(
    "sandbox_failed",
    `The sandbox cannot be opened here: ${said || `bubblewrap ended with ${trial.code}`}. Allow user namespaces (inside Docker: --security-opt seccomp=unconfined; Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0), or switch [process.bubblewrap] off.`,
  );
}
