/** `makima daemon`: a daemon for a server elsewhere, until it is stopped. */
import { Option, type Command } from "commander";
import type { ContextOf } from "../command-table.ts";

interface DaemonFlags {
  maxTasks?: number;
  logLevel?: string;
  bubblewrap?: boolean;
  worktreesDir?: string;
  name?: string;
  label: string[];
}

export function register(program: Command, context: ContextOf): void {
  program
    .command("daemon")
    .description("Run a daemon for a server elsewhere (see --server-url and --api-key)")
    .option("--max-tasks <n>", "tasks that it runs at a time", Number)
    .addOption(logLevel())
    .option("--bubblewrap", "run agents in a bubblewrap sandbox")
    .option("--worktrees-dir <folder>", "folder of the worktrees")
    .option("--name <name>", "its name; the machine's unless given")
    .option("--label <label>", "label that tasks can ask for; may be given several times", collect, [])
    .action(async (flags: DaemonFlags) => {
      const cli = await context(
        {
          "process.max_concurrent_tasks": flags.maxTasks,
          "logging.level": flags.logLevel,
          "process.bubblewrap.enabled": flags.bubblewrap,
          "worktree.base_dir": flags.worktreesDir,
        },
        "daemon",
      );
      const { runDaemon } = await import("../host/run-daemon.ts");
      await runDaemon(cli, { name: flags.name, labels: flags.label });
    });
}

export function logLevel(): Option {
  return new Option("-l, --log-level <level>", "least level that is logged").choices([
    "trace",
    "debug",
    "info",
    "warn",
    "error",
  ]);
}

function collect(label: string, labels: string[]): string[] {
  return [...labels, label];
}
