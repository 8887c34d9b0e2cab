/** Steps that need a person: a question, a permission. */
import type { ToolOutcome } from "../messages.ts";
import type { StepValue } from "../script.ts";
import type { Turn } from "../turn.ts";
import { bash } from "./commands.ts";
import { writeOut } from "./files.ts";

const DISABLED =
  "Error: No such tool available: AskUserQuestion. AskUserQuestion exists but is not enabled in this context. Use one of the available tools instead.";

/**
 * Asks by AskUserQuestion and keeps the answer for `{{answer}}`. A question that was cut (its process was
 * stopped while it waited) is not asked again when the message that resumes the session names one of its options.
 */
export async function ask(turn: Turn, value: StepValue<"ask">): Promise<void> {
  const { agent } = turn;
  const { state } = agent.session;
  const named = value.options.find(({ label }) => names(turn.message, label));
  if (turn.again && state.asked === turn.place && named) {
    state.answer = named.label;
    return;
  }
  state.asked = turn.place;
  agent.session.save();
  const options = value.options.map(({ label, description }) => ({
    label,
    description: description ?? label,
  }));
  const { question, multiSelect } = value;
  const header = value.header ?? question.split(/\s+/).slice(0, 2).join(" ").slice(0, 12);
  const questions = [{ question, header, multiSelect, options }];
  await turn.tool({
    name: "AskUserQuestion",
    input: { questions },
    asking: "never",
    work: async (_input, id) => {
      if (!agent.options.asksOverStdio) {
        return { content: `<tool_use_error>${DISABLED}</tool_use_error>`, isError: true, detail: DISABLED };
      }
      const decision = await agent.asks.canUseTool(
        {
          tool_name: "AskUserQuestion",
          display_name: "AskUserQuestion",
          input: { questions },
          tool_use_id: id,
          requires_user_interaction: true,
        },
        turn.signal,
      );
      if (decision.behavior === "allow") return answered(turn, questions, decision.updatedInput?.["answers"]);
      turn.denials.push({ tool_name: "AskUserQuestion", tool_use_id: id, tool_input: { questions } });
      return { content: decision.message, isError: true, detail: `Error: ${decision.message}` };
    },
  });
}

/** The text holds the label, as words of their own. */
function names(text: string, label: string): boolean {
  const at = text.toLowerCase().indexOf(label.toLowerCase());
  if (at === -1) return false;
  const around = text.slice(Math.max(0, at - 1), at) + text.slice(at + label.length, at + label.length + 1);
  return !/[\p{L}\p{N}]/u.test(around);
}

function answered(turn: Turn, questions: object[], given: unknown): ToolOutcome {
  const answers = typeof given === "object" && given !== null ? given : {};
  const pairs = Object.entries(answers).map(([question, answer]) => [question, String(answer)] as const);
  turn.agent.session.state.answer = pairs[0]?.[1] ?? "";
  const meta = { permission_decision: { decision: "accept", source: "user_temporary" } };
  if (pairs.length === 0) {
    return {
      content: "The user did not answer the questions.",
      detail: { questions, answers },
      meta,
      silentSuccess: true,
    };
  }
  const said = pairs.map(([question, answer]) => `"${question}"="${answer}"`).join(", ");
  const content = `Your questions have been answered: ${said}. You can now continue with these answers in mind.`;
  return { content, detail: { questions, answers }, meta, silentSuccess: true };
}

/** Asks leave for a tool; once it is given, Bash and Write do what they were allowed to. */
export async function permission(turn: Turn, { tool, input }: StepValue<"permission">): Promise<void> {
  await turn.tool({
    name: tool,
    input,
    asking: "always",
    work: async (allowed) => {
      if (tool === "Bash") return bash(turn, { command: String(allowed["command"] ?? ""), timeoutSecs: 120 });
      if (tool === "Write") return writeOut(String(allowed["file_path"]), String(allowed["content"] ?? ""));
      return { content: `${tool} completed.`, detail: { input: allowed } };
    },
  });
}
