/**
 * From a batch of the agent's events to reports in the outbox, in one transaction with how far it was read.
 * The same for a living agent and for what a dead one left behind.
 */
import { createHash } from "node:crypto";
import type { AgentEvent } from "@makima/protocol/agent-event";
import type { Report } from "@makima/protocol/daemon-wire";
import type { OutputEntry } from "@makima/protocol/history";
import { once } from "node:events";
import type { EventBatch } from "../agent/agent-output.ts";
import { cleanValue } from "../agent/clean.ts";
import { outputEntry, stderrEntry } from "../agent/output-entry.ts";
import { saveOffsets } from "../journal/runs.ts";
import type { Redactor } from "../process/redact.ts";
import type { RunContext } from "./context.ts";
import type { OpenQuestion, RunHandle } from "./handle.ts";

/** What an agent wants to do is shown in full up to a size at which nobody reads it. */
const MOST_INPUT_BYTES = 64 * 1024;

type Asking = Extract<AgentEvent, { type: "question" | "permissionRequest" }>;

export async function storeBatch(
  context: RunContext,
  handle: RunHandle,
  redactor: Redactor,
  batch: EventBatch,
): Promise<void> {
  const at = context.now();
  const entries: OutputEntry[] = [];
  const closed: Report[] = [];
  const asked: { question: OpenQuestion; report: Report }[] = [];
  if (batch.stream === "stderr") {
    entries.push(...batch.lines.map((line) => stderrEntry(line, at, redactor)));
  } else {
    for (const event of batch.events) {
      if (event.type === "question" || event.type === "permissionRequest") {
        const question = openQuestion(handle, event);
        asked.push({ question, report: questionReport(handle, event, question, redactor) });
        entries.push(questionEntry(event, question, at, redactor));
        continue;
      }
      if (event.type === "requestCancelled") closed.push(...cancelled(handle, event.requestId));
      const shown = outputEntry(event, at, redactor);
      if (shown) entries.push(shown);
    }
  }
  const reports: Report[] = [
    ...(entries.length > 0 ? [{ type: "output" as const, ...handle.name, entries }] : []),
    ...asked.map((one) => one.report),
    ...closed,
  ];
  // Questions are rare and must not be lost even to a power failure; a line of output may be.
  const offsets = { ...handle.run.offsets, [batch.stream]: batch.offset };
  context.outbox.add(reports, (db) => saveOffsets(db, handle.run.spec.runId, offsets), asked.length > 0);
  handle.run.offsets = offsets;
  for (const { question } of asked) {
    handle.questions.set(question.questionId, question);
    handle.emit("asked", question);
  }
  if (context.outbox.full) await Promise.race([once(context.outbox, "drained"), aborted(handle.signal)]);
}

/** A question that the agent takes back itself; one that it drops because we stop it stays open for its person. */
function cancelled(handle: RunHandle, requestId: string): Report[] {
  const questionId = questionIdOf(handle, requestId);
  if (!handle.questions.delete(questionId) || handle.stopping) return [];
  handle.emit("answered", questionId);
  return [
    { type: "questionClosed", ...handle.name, questionId, why: "the agent does not wait for it any more" },
  ];
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function openQuestion(handle: RunHandle, event: Asking): OpenQuestion {
  return {
    questionId: questionIdOf(handle, event.requestId),
    requestId: event.requestId,
    kind: event.type === "question" ? "question" : "permission",
    input: event.input,
    texts: event.type === "question" ? event.questions.map((one) => one.question) : [],
  };
}

/** The same for the same request, so that a batch that is read again after a crash asks nothing twice. */
export function questionIdOf(handle: RunHandle, requestId: string): string {
  const { spec, progress } = handle.run;
  const hash = createHash("sha256")
    .update(`${spec.runId}/${progress.process?.n ?? 0}/${requestId}`)
    .digest("hex");
  const [a, b, c, d, e] = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    hash.slice(13, 16),
    hash.slice(17, 20),
    hash.slice(20, 32),
  ];
  return `${a}-${b}-8${c}-a${d}-${e}`;
}

function wording(event: Asking): { question: string; choices: { label: string; description?: string }[] } {
  if (event.type === "permissionRequest") {
    const choices = [{ label: "allow" }, { label: "deny" }];
    return { question: `The agent wants to use ${event.toolName}.`, choices };
  }
  const [only] = event.questions;
  return {
    question: event.questions.map((one) => one.question).join("\n"),
    // Choices of several questions at once cannot be one list; the answer is then free text for each.
    choices: event.questions.length === 1 && only ? only.options : [],
  };
}

function questionReport(handle: RunHandle, event: Asking, open: OpenQuestion, redactor: Redactor): Report {
  const { question, choices } = wording(event);
  return {
    type: "questionAsked",
    ...handle.name,
    questionId: open.questionId,
    kind: open.kind,
    question: redactor.redact(question),
    choices,
    ...(event.type === "permissionRequest"
      ? { toolName: event.toolName, toolInput: cleanValue(event.input, redactor, MOST_INPUT_BYTES) }
      : {}),
  };
}

function questionEntry(event: Asking, open: OpenQuestion, at: number, redactor: Redactor): OutputEntry {
  const { question, choices } = wording(event);
  return {
    at: new Date(at).toISOString(),
    messageType: event.type === "question" ? "supervisor_question" : "permission_request",
    content: redactor.redact(question),
    toolInput: {
      questionId: open.questionId,
      choices,
      context: cleanValue(event.input, redactor, MOST_INPUT_BYTES),
    },
  };
}
