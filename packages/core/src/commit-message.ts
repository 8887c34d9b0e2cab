/**
 * The messages of the commits that makima makes for an agent.
 *
 *     feat: [t-91c2] - Add rate limiting to login
 *
 *     What the agent said it accomplished, wrapped.
 *
 *     Co-Authored-By: Claude <noreply@anthropic.com>
 *
 * The type is guessed from the task's name, then from its plan's first words. Names come from outside: what
 * could be read as a trailer or as another line is flattened.
 */

export type CommitFormat = "conventional" | "simple";

export interface CommitFacts {
  format: CommitFormat;
  /** The task's short id. */
  taskId: string;
  taskName: string;
  plan: string;
  /** What was accomplished, from the last gate. */
  progress?: string;
  /** The agent's name: decides the trailer where `coAuthor` is empty. */
  agent: string;
  /** `[commit_discipline] co_author`: empty = the agent's own, `none` = no trailer. */
  coAuthor: string;
}

const TYPES: readonly [type: string, words: RegExp][] = [
  ["fix", /\b(?:fix(?:es|ed)?|bug|repair|correct|resolve|crash|regression|hotfix)\b/i],
  ["docs", /\b(?:docs?|documentation|document|readme|changelog)\b/i],
  ["test", /\b(?:tests?|coverage|specs?)\b/i],
  ["refactor", /\b(?:refactor|rename|restructure|simplify|extract|clean ?up)\b/i],
  ["perf", /\b(?:performance|speed ?up|faster|optimi[sz]e)\b/i],
  ["chore", /\b(?:chore|bump|upgrade|dependenc(?:y|ies)|configure|ci|lint|format)\b/i],
  ["feat", /\b(?:add|implement|create|introduce|support|build|feature|new|allow|enable)\b/i],
];
const PREFIX = /^(feat|fix|chore|docs|test|refactor|perf|style|build|ci)(?:\([\w-]{1,30}\))?!?:\s*/i;

const CO_AUTHORS: Readonly<Record<string, string>> = { claude: "Claude <noreply@anthropic.com>" };

/** The conventional type of a task: what its name says by itself, else by its first telling word. */
export function commitType(taskName: string, plan: string): string {
  const said = PREFIX.exec(taskName);
  if (said?.[1]) return said[1].toLowerCase();
  return byFirstWord(taskName) ?? byFirstWord(plan.slice(0, 300)) ?? "feat";
}

/** The word that stands first decides: "Add tests" adds a feature no less than "Test the parser" tests. */
function byFirstWord(text: string): string | undefined {
  let best: { type: string; at: number } | undefined;
  for (const [type, words] of TYPES) {
    const at = text.search(words);
    if (at >= 0 && (!best || at < best.at)) best = { type, at };
  }
  // "Add tests for …", "Write documentation of …": a general verb leaves it to the word after it.
  const rest = /^\s*(?:add|create|write|update|improve)\s+(?:the |a |some |more |missing )?(.*)$/is.exec(
    text,
  )?.[1];
  const noun = rest && TYPES.find(([type, words]) => /docs|test/.test(type) && rest.search(words) === 0);
  return noun ? noun[0] : best?.type;
}

/** The whole message, ending in a newline. */
export function commitMessage(facts: CommitFacts): string {
  const summary = clip(flat(facts.taskName).replace(PREFIX, ""), 72) || "work on the task";
  const prefix = facts.format === "conventional" ? `${commitType(facts.taskName, facts.plan)}: ` : "";
  const parts = [`${prefix}[${flat(facts.taskId)}] - ${summary}`];
  const body = flat(facts.progress ?? "");
  if (body !== "") parts.push(wrap(clip(body, 2000), 72));
  const trailer = coAuthor(facts);
  if (trailer !== undefined) parts.push(`Co-Authored-By: ${trailer}`);
  return `${parts.join("\n\n")}\n`;
}

function coAuthor({ coAuthor, agent }: CommitFacts): string | undefined {
  const wanted = flat(coAuthor);
  if (wanted === "none") return undefined;
  if (wanted !== "") return wanted;
  return Object.hasOwn(CO_AUTHORS, agent) ? CO_AUTHORS[agent] : undefined;
}

/** One line, without control characters. */
function flat(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, " ").trim();
}

function clip(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max - 1).trimEnd()}…` : text;
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join("\n");
}
