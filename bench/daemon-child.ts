/** A daemon in a process of its own, as it runs for people: `node daemon-child.ts <server> <folder> [sandbox]`. */
import { join } from "node:path";
import { startDaemon } from "@makima/daemon/main";
import { configSchema } from "@makima/protocol/config";
import { pino } from "pino";

const [serverUrl = "", folder = "", sandbox] = process.argv.slice(2);
const at = (name: string) => join(folder, name);
const daemon = await startDaemon({
  config: configSchema.parse({
    process: {
      claude_command: "makima-bench-has-no-claude",
      bubblewrap: { enabled: sandbox === "sandbox" },
    },
  }),
  serverUrl,
  apiKey: "mk_bench",
  labels: [],
  stateDir: at("state"),
  journalPath: at("journal.db"),
  worktreesDir: at("worktrees"),
  reposDir: at("repos"),
  programs: {
    sim: { command: "/bin/sh", args: [join(import.meta.dirname, "agents", "tiny-agent.sh")], env: {} },
  },
  log: pino({ level: "error" }, pino.destination(2)),
});
process.once("SIGTERM", () => void daemon.close().then(() => process.exit()));
