/**
 * Whether a task is too large for one agent, guessed from its plan before anything is spent.
 *
 * Long plans, plans that name many files and plans that say "the entire …" are those that come back half
 * done. A warning names what was seen and proposes a split: by the plan's own list where it has one, else
 * by the folders of the files it names.
 */
import { estimateTokens } from "./token-estimate.ts";

export interface SizingLimits {
  maxFilesMentioned: number;
  maxPlanWords: number;
  /** Words of scope; matched as whole words, in any case. */
  scopeWords: readonly string[];
}

export const DEFAULT_SIZING: SizingLimits = {
  maxFilesMentioned: 10,
  maxPlanWords: 500,
  scopeWords: ["entire", "all", "complete", "refactor"],
};

export interface SizingWarning {
  kind: "files" | "words" | "scope" | "tokens";
  strength: "warning" | "strong";
  message: string;
}

export interface Sizing {
  files: string[];
  words: number;
  /** Of the plan and the files it names, about. */
  estimatedTokens: number;
  warnings: SizingWarning[];
  /** Names of smaller tasks; empty where there is nothing to go by. */
  suggestedSplit: string[];
}

/** What reading one file and changing it costs an agent, about. */
const TOKENS_PER_FILE = 4000;
/** Half of a common context window: beyond it a task is likely to be handed off half done. */
const MANY_TOKENS = 100_000;

const FILE = /(?<![\w./@-])(?:[\w@.-]{1,80}\/){0,20}[\w@-][\w@.-]{0,80}\.[a-z][a-z0-9]{0,7}\b(?![\w/(])/gi;
// "e.g", "Node.js", "example.com": a dot that makes no file.
const NO_FILE =
  /^(?:e\.g|i\.e|etc\.\w+|(?:node|next|vue|nuxt|three|d3|express|react)\.js|[\w-]+\.(?:com|org|net|io|dev))$/i;

/** Sizes `plan` against `limits`. */
export function sizeTask(plan: string, limits: SizingLimits = DEFAULT_SIZING): Sizing {
  const files = filesNamed(plan);
  const words = plan.match(/\S+/g)?.length ?? 0;
  const estimatedTokens = estimateTokens(plan) + files.length * TOKENS_PER_FILE;
  const warnings: SizingWarning[] = [];
  if (files.length > limits.maxFilesMentioned) {
    const message = `It names ${files.length} files (more than ${limits.maxFilesMentioned})`;
    warnings.push({ kind: "files", strength: "warning", message });
  }
  if (words > limits.maxPlanWords) {
    const message = `Its plan has ${words} words (more than ${limits.maxPlanWords})`;
    warnings.push({ kind: "words", strength: "warning", message });
  }
  const said = new Set((plan.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).values());
  const scope = limits.scopeWords.filter((word) => said.has(word.toLowerCase()));
  if (scope.length > 0) {
    const message = `It says ${scope.map((word) => `"${word}"`).join(", ")}: name the parts instead`;
    warnings.push({ kind: "scope", strength: "strong", message });
  }
  if (estimatedTokens > MANY_TOKENS) {
    const message = `It needs about ${Math.round(estimatedTokens / 1000)}k tokens to read alone`;
    warnings.push({ kind: "tokens", strength: "warning", message });
  }
  const suggestedSplit = warnings.length > 0 ? splitOf(plan, files) : [];
  return { files, words, estimatedTokens, warnings, suggestedSplit };
}

/** The files that a plan names, each once, in order. */
export function filesNamed(plan: string): string[] {
  const found = new Set<string>();
  for (const [name] of plan.matchAll(FILE)) if (!NO_FILE.test(name)) found.add(name.replace(/^\.\//, ""));
  return [...found];
}

/** Whether an oversized task is refused under `block_oversized`: any warning counts. */
export function oversizedRefusal(sizing: Sizing): string | undefined {
  if (sizing.warnings.length === 0) return undefined;
  const split = sizing.suggestedSplit.map((part) => `\n- ${part}`).join("");
  const reasons = sizing.warnings.map((warning) => warning.message).join(". ");
  return `This task is too large for one agent. ${reasons}.${split ? ` It could be split into:${split}` : ""}`;
}

function splitOf(plan: string, files: readonly string[]): string[] {
  const items: string[] = [];
  for (const line of plan.split(/\r?\n/)) {
    const item = /^(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(\S.*)$/.exec(line);
    if (item?.[1]) items.push(clip(item[1]));
  }
  if (items.length >= 2 && items.length <= 12) return items;
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : ".";
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  if (folders.size < 2) return [];
  return [...folders].slice(0, 12).map(([folder, names]) => {
    const where = folder === "." ? "the top folder" : folder;
    return clip(
      `what concerns ${where}: ${names.map((name) => name.slice(name.lastIndexOf("/") + 1)).join(", ")}`,
    );
  });
}

function clip(text: string): string {
  const line = text.trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
