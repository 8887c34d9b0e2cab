/** A person's answer, handed to the agent that waits for it. */
import type { CommandOf } from "@makima/protocol/daemon-wire";
import { entry, report, tell, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";

/**
 * An answer whose agent does not wait any more is not lost: the server keeps it with the question, and puts it
 * into the prompt with which the task wakes.
 */
export function answerAgent(
  context: RunContext,
  handle: RunHandle,
  command: CommandOf<"answerQuestion">,
): void {
  const question = handle.questions.get(command.questionId);
  if (!question || !handle.agent) return;
  const { agent } = handle;
  const taken =
    question.kind === "permission"
      ? allows(command.answer)
        ? agent.allow(question.requestId)
        : agent.deny(question.requestId, command.note ?? command.answer)
      : agent.answer(
          question.requestId,
          Object.fromEntries(question.texts.map((text) => [text, command.answer])),
        );
  handle.questions.delete(command.questionId);
  handle.emit("answered", command.questionId);
  if (!taken) return;
  const note = command.note === undefined ? "" : ` — ${command.note}`;
  tell(context, handle, entry(context, "answer", `${command.answer}${note}`));
  report(context, {
    type: "questionClosed",
    ...handle.name,
    questionId: command.questionId,
    why: "the agent has the answer",
  });
}

function allows(answer: string): boolean {
  return /^(allow|yes|y)$/i.test(answer.trim());
}
