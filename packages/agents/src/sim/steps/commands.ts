/** Steps that run commands, as claude's Bash. */
import { randomUUID } from "node:crypto";
import type { ToolOutcome } from "../messages.ts";
import type { StepValue } from "../script.ts";
import { quote, runShell, type ShellEnd } from "../shell.ts";
import type { Turn } from "../turn.ts";

/** Longer output is stored, and the model sees the beginning of it. */
const LONGEST_OUTPUT = 30_000;
const PREVIEW = 2_000;

interface Command {
  readonly command: string;
  readonly description?: string | undefined;
  readonly timeoutSecs: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export async function run(turn: Turn, value: Command): Promise<void> {
  const { command, description, timeoutSecs } = value;
  await turn.tool({
    name: "Bash",
    input: {
      command,
      ...(description === undefined ? {} : { description }),
      ...(timeoutSecs === 120 ? {} : { timeout: timeoutSecs * 1000 }),
    },
    asking: "byMode",
    work: (input) => bash(turn, { ...value, command: String(input["command"]) }),
  });
}

/** Everything that changed, in one commit; nothing to commit is no failure, so that it may be done twice. */
export async function commit(turn: Turn, message: StepValue<"commit">): Promise<void> {
  const author = process.env["GIT_AUTHOR_NAME"] ?? "Simulated agent";
  const email = process.env["GIT_AUTHOR_EMAIL"] ?? "simulated-agent@makima.invalid";
  await run(turn, {
    command: `git add -A && { git diff --cached --quiet || git commit -q -m ${quote(message)}; } && git log -1 --oneline`,
    description: "Commit the changes",
    timeoutSecs: 120,
    env: {
      GIT_AUTHOR_NAME: author,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: author,
      GIT_COMMITTER_EMAIL: email,
    },
  });
}

/**
 * Leaves a process behind that outlives the agent: in a session of its own, holding none of the agent's pipes.
 * It carries the agent's environment, by which a sweep finds it; `stubborn` ones do not heed SIGTERM.
 */
export async function spawnOrphan(turn: Turn, { secs, stubborn }: StepValue<"spawnOrphan">): Promise<void> {
  const body = stubborn ? `trap "" TERM HUP INT; sleep ${secs}` : `exec sleep ${secs}`;
  await run(turn, {
    command: `nohup setsid sh -c ${quote(body)} >/dev/null 2>&1 & echo "left behind: pid $!"`,
    description: "Start a server in the background",
    timeoutSecs: 120,
  });
}

export async function bash(turn: Turn, { command, timeoutSecs, env }: Command): Promise<ToolOutcome> {
  const { agent, signal } = turn;
  const end = await runShell(command, {
    cwd: agent.cwd,
    signal,
    timeoutMs: timeoutSecs * 1000,
    ...(env === undefined ? {} : { env }),
  });
  return describeEnd(end, timeoutSecs, (output) => agent.session.keepOutput(randomUUID(), output));
}

function describeEnd(end: ShellEnd, timeoutSecs: number, keep: (output: string) => string): ToolOutcome {
  const output = end.output.replace(/\n+$/, "");
  if (end.ending === "timedOut" || end.exitCode !== 0) {
    const why =
      end.ending === "timedOut"
        ? `Command timed out after ${timeoutSecs}s`
        : `Exit code ${end.exitCode ?? 137}`;
    const content = [why, output.slice(0, LONGEST_OUTPUT)].filter(Boolean).join("\n");
    return { content, isError: true, detail: `Error: ${content}` };
  }
  const facts = { stderr: "", interrupted: false, isImage: false, noOutputExpected: false };
  const meta = { permission_decision: { decision: "accept", source: "config", reason_type: "mode" } };
  if (output.length <= LONGEST_OUTPUT) {
    const content = output || "(Bash completed with no output)";
    return { content, detail: { stdout: output, ...facts }, meta };
  }
  const path = keep(output);
  const size = `${(output.length / 1024).toFixed(1)}KB`;
  return {
    content: `<persisted-output>\nOutput too large (${size}). Full output saved to: ${path}\n\nPreview (first 2KB):\n${output.slice(0, PREVIEW)}\n...\n</persisted-output>`,
    detail: {
      stdout: output.slice(0, LONGEST_OUTPUT),
      ...facts,
      persistedOutputPath: path,
      persistedOutputSize: output.length,
    },
    meta,
  };
}
