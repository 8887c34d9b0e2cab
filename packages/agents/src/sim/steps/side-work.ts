/** Steps with helpers of the agent: a subagent, a command in the background. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { printGate } from "../gate-text.ts";
import { assistant, newId, system, toolResult, user, type ToolOutcome } from "../messages.ts";
import type { StepValue } from "../script.ts";
import { runShell } from "../shell.ts";
import type { Turn } from "../turn.ts";
import { bash } from "./commands.ts";

/** Seconds that a background command has after the end of input. */
const BACKGROUND_GRACE_SECS = 5;

export async function subagent(turn: Turn, value: StepValue<"subagent">): Promise<void> {
  const { description, prompt } = value;
  turn.subagents += 1;
  await turn.tool({
    name: "Agent",
    input: { description, prompt, subagent_type: "general-purpose" },
    asking: "never",
    work: (_input, id) => work(turn, value, id),
  });
}

async function work(turn: Turn, value: StepValue<"subagent">, parent: string): Promise<ToolOutcome> {
  const { agent } = turn;
  const { session, ledger } = agent;
  const { description, prompt, text } = value;
  const agentId = `a${randomBytes(8).toString("hex")}`;
  const began = performance.now();
  const task = { task_id: agentId, tool_use_id: parent };
  const kind = { subagent_type: "general-purpose", task_description: description };
  const tell = (subtype: string, facts: object) =>
    agent.wire.send(system(session.id, subtype, { ...task, ...facts }));
  await tell("task_started", {
    description,
    subagent_type: "general-purpose",
    task_type: "local_agent",
    prompt,
  });
  await agent.say(
    user(session.id, [{ type: "text", text: prompt }], { parent_tool_use_id: parent, ...kind }),
  );
  if (value.run !== undefined) {
    const id = newId("toolu");
    const input = { command: value.run, description };
    const block = { type: "tool_use" as const, id, name: "Bash", input };
    const ids = { sessionId: session.id, messageId: newId("msg"), requestId: newId("req") };
    await agent.say({ ...assistant({ ...ids, block, usage: ledger.open(0), parent }), ...kind });
    const outcome = await bash(turn, { command: value.run, timeoutSecs: 120 });
    await agent.say({ ...toolResult(session.id, id, outcome, parent), ...kind });
  }
  const durationMs = Math.round(performance.now() - began);
  const uses = value.run === undefined ? 0 : 1;
  const usage = { total_tokens: 100, tool_uses: uses, duration_ms: durationMs };
  await tell("task_updated", { patch: { status: "completed", end_time: Date.now() } });
  await tell("task_notification", { status: "completed", output_file: "", summary: description, usage });
  const note = `agentId: ${agentId} (use SendMessage with to: '${agentId}', summary: '<5-10 word recap>' to continue this agent)\n<usage>subagent_tokens: 100\ntool_uses: ${uses}\nduration_ms: ${durationMs}</usage>`;
  const said = { type: "text" as const, text };
  return {
    silentSuccess: true,
    content: [said, { type: "text", text: note }],
    detail: {
      status: "completed",
      prompt,
      agentId,
      agentType: "general-purpose",
      content: [said],
      totalDurationMs: durationMs,
      totalTokens: 100,
      totalToolUseCount: uses,
    },
  };
}

/** Its end comes as a turn of its own (`run` of the item put in the inbox), even after the end of input. */
export async function backgroundResult(turn: Turn, value: StepValue<"backgroundResult">): Promise<void> {
  const { agent } = turn;
  const { command, description } = value;
  await turn.tool({
    name: "Bash",
    input: { command, description, run_in_background: true },
    asking: "byMode",
    work: async (_input, toolUseId) => {
      const taskId = `b${randomBytes(4).toString("hex")}`;
      const file = join(agent.settings.home, `${taskId}.output`);
      const task = { task_id: taskId, tool_use_id: toolUseId };
      await agent.wire.send(
        system(agent.session.id, "task_started", { ...task, description, task_type: "local_bash" }),
      );
      void follow(turn, value, { task, file });
      return {
        content: `Command running in background with ID: ${taskId}. Output is being written to: ${file}. You will be notified when it completes. To check interim output, use Read on that file path.`,
        detail: {
          stdout: "",
          stderr: "",
          interrupted: false,
          isImage: false,
          noOutputExpected: false,
          backgroundTaskId: taskId,
        },
      };
    },
  });
}

interface BackgroundTask {
  readonly task: { readonly task_id: string; readonly tool_use_id: string };
  readonly file: string;
}

async function follow(turn: Turn, value: StepValue<"backgroundResult">, { task, file }: BackgroundTask) {
  const { agent } = turn;
  const { command, description, say, gate } = value;
  const giveUp = new AbortController();
  agent.inbox.hold();
  void agent.inbox
    .untilClosed()
    .then(() => agent.sleep(BACKGROUND_GRACE_SECS, new AbortController().signal))
    .then(() => giveUp.abort());
  const end = await runShell(command, { cwd: agent.cwd, signal: giveUp.signal });
  if (end.ending === "exited") {
    const status = end.exitCode === 0 ? "completed" : "failed";
    const summary = `Background command "${description}" ${status} (exit code ${end.exitCode ?? 137})`;
    const tell = (subtype: string, facts: object) =>
      agent.wire.send(system(agent.session.id, subtype, { ...task, ...facts }));
    agent.inbox.put({
      kind: "background",
      say: gate === undefined ? say : printGate({ ...gate, text: say }),
      run: async () => {
        await tell("task_updated", { patch: { status, end_time: Date.now() } });
        await tell("task_notification", { status, output_file: file, summary });
      },
    });
  }
  agent.inbox.release();
}
