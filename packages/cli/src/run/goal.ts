/** What is to be done: from the command line or from a file, checked before anything is started. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { MAX_TEXT_BYTES } from "@makima/protocol/api/fields";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";

export interface GoalSource {
  goal?: string | undefined;
  /** Path of a file, or `-` for standard input. */
  planFile?: string | undefined;
}

const EXAMPLE = 'makima run "Fix the failing date test"';

/** The goal's text. Throws a usage error on none, two, an empty, a too long or an unreadable one. */
export async function readGoal(
  { goal, planFile }: GoalSource,
  stdin: () => Promise<Buffer>,
): Promise<string> {
  if (goal !== undefined && planFile !== undefined) {
    throw usageError(
      "Both a goal and --plan-file were given, and only one can be the task.",
      `${EXAMPLE}`,
      "makima run --plan-file plan.md",
    );
  }
  if (goal === undefined && planFile === undefined) {
    throw usageError(
      "There is no goal: makima run wants a sentence that says what is to be done.",
      EXAMPLE,
      "makima run --plan-file plan.md",
    );
  }
  const text = planFile === undefined ? (goal ?? "") : await readPlan(planFile, stdin);
  const what =
    planFile === undefined
      ? "The goal"
      : planFile === "-"
        ? "The plan on standard input"
        : `The plan file ${planFile}`;
  if (text.trim() === "") throw usageError(`${what} is empty.`, EXAMPLE);
  if (text.includes("\0")) throw usageError(`${what} holds a NUL byte, so it is no text.`, EXAMPLE);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_TEXT_BYTES) {
    throw new CliError({
      code: "GOAL_TOO_LARGE",
      message: `${what} has ${Math.ceil(bytes / 1024)} KiB, and at most ${MAX_TEXT_BYTES / 1024} KiB are taken.`,
      why: "It is put into the agent's prompt in full at every iteration.",
      next: [
        "Put the material into a file of the repository, commit it, and name it in the goal:",
        'makima run "Do what docs/plan.md says"',
      ],
      exit: EXIT.usage,
    });
  }
  return text.trim();
}

async function readPlan(path: string, stdin: () => Promise<Buffer>): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = path === "-" ? await stdin() : await readFile(resolve(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EISDIR"
          ? "it is a folder"
          : code === "EACCES"
            ? "you may not read it"
            : String((error as Error).message);
    throw usageError(`The plan file ${path} cannot be read: ${why}.`, "makima run --plan-file plan.md");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw usageError(`The plan file ${path} is not UTF-8 text.`, "Save it as UTF-8, then run this again");
  }
}
