/** The sandbox that agents, setup and checks of this daemon run in, or none. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Store } from "../git/store.ts";
import { ProcessError } from "../process/process-error.ts";
import { agentConfigPaths } from "../sandbox/bubblewrap.ts";
import { openSandbox } from "../sandbox/open-sandbox.ts";
import type { RunContext } from "./context.ts";
import { RunError } from "./run-error.ts";

/**
 * Program and arguments to put before a command that works in `worktree`; empty when no sandbox is asked for.
 * `store`: what the worktree's git reads objects from. `readable`: further folders of makima's that the command must be able to read. Throws `RunError` sandbox
 * when one is asked for and cannot be had: it is never left out.
 */
export async function sandboxFor(
  context: RunContext,
  worktree: string,
  store: Store,
  readable: readonly string[] = [],
): Promise<string[]> {
  const settings = context.config.process.bubblewrap;
  if (!settings.enabled) return [];
  const { paths } = context;
  const emptyFile = join(paths.stateDir, "empty");
  await mkdir(paths.stateDir, { recursive: true });
  await writeFile(emptyFile, "");
  const home = homedir();
  const simHome =
    context.programs.sim.env["MAKIMA_SIM_HOME"] ??
    process.env["MAKIMA_SIM_HOME"] ??
    join(home, ".makima", "sim-sessions");
  try {
    const plan = await openSandbox(
      {
        bwrapCommand: settings.bwrap_command,
        network: settings.network,
        roBind: settings.ro_bind,
        rwBind: settings.rw_bind,
        home,
        root: process.getuid?.() === 0,
        worktree,
        agentConfig: [...agentConfigPaths(home, process.env["CLAUDE_CONFIG_DIR"]), simHome],
        readOnly: [
          ...readable,
          // The worktree's git reads from there, and a mirror lies among what is hidden.
          join(store.gitDir, "objects"),
          join(paths.stateDir, "agents"),
          ...ownProgram(),
          ...(context.binDir ? [context.binDir] : []),
        ],
        protect: [],
        secrets: [paths.stateDir],
        emptyFile,
      },
      { PATH: process.env["PATH"] ?? "" },
    );
    for (const note of plan.notes) context.log.info(note);
    // The person's folder for temporary files is read-only in there; /tmp is the sandbox's own.
    return [...plan.wrap.slice(0, -1), "--setenv", "TMPDIR", "/tmp", "--"];
  } catch (error) {
    if (error instanceof ProcessError) throw new RunError(error.kind, error.message, error);
    throw error;
  }
}

/** Where makima and its Node lie: a folder that the sandbox hides (/tmp) may be the place of both. */
function ownProgram(): string[] {
  const source = resolve(import.meta.dirname, "../../../..");
  const root = existsSync(join(source, "packages")) ? source : import.meta.dirname;
  return [root, dirname(dirname(process.execPath))];
}
