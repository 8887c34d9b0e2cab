/**
 * Acceptance criteria: what must hold for a task to be done, read from its plan.
 *
 * They stand as a list under a heading such as "Acceptance criteria"; where there is none, the plan's
 * checklist (`- [ ] …`) is taken. Each is classed as something that can be run or seen, or as vague, with
 * a suggestion that would sharpen it. No criteria is no error: the standard ones apply.
 *
 * Backticks hold commands and names alike. They are a command when
 * - they begin with a known runner and have an argument (`npm test`, `cargo build`) or are a tool that
 *   checks when run bare (`pytest`, `tsc`); or
 * - the sentence says so right beside them: "run `x`", "`bin/x` passes", "`make` exits with 0"; but one
 *   word that is no runner, before "passes", is a name ("`parse` passes its input on").
 * A call such as `load()` is always a name, and what is meant to fail is no command: all must exit with 0. The plan is a person's or their supervisor's; whether its
 * commands may run is for the caller, who shows them.
 */

export type CriterionKind =
  | "command"
  | "tests"
  | "lint"
  | "typecheck"
  | "file"
  | "no_uncommitted_changes"
  | "vague";

export interface Criterion {
  text: string;
  kind: CriterionKind;
  /** For `command`: what to run. */
  command?: string;
  /** For `file`: a path inside the repository that must exist. */
  path?: string;
  /** For `vague`: how it could be sharpened. */
  suggestion?: string;
}

export const STANDARD_CRITERIA = ["no_uncommitted_changes", "tests_pass", "lint_passes"] as const;
export type StandardCriterion = (typeof STANDARD_CRITERIA)[number];

/** The criteria that `plan` names, in its order, each once. */
export function readCriteria(plan: string): Criterion[] {
  const lines = outsideFences(plan);
  const section = itemsUnderHeading(lines);
  const texts = section.length > 0 ? section : itemsOf(lines, CHECKBOX);
  return [...new Set(texts)].map(classCriterion);
}

/** `criteria` with those of `standard` that they lack. `tests_pass` and `lint_passes` need a command to run. */
export function withStandardCriteria(
  criteria: readonly Criterion[],
  standard: readonly StandardCriterion[],
  found: { tests: boolean; lint: boolean },
): Criterion[] {
  const all = [...criteria];
  const add = (criterion: Criterion): void => {
    if (!all.some((other) => other.kind === criterion.kind)) all.push(criterion);
  };
  for (const name of standard) {
    if (name === "no_uncommitted_changes") add({ text: "No uncommitted changes", kind: name });
    if (name === "tests_pass" && found.tests) add({ text: "Tests pass", kind: "tests" });
    if (name === "lint_passes" && found.lint) add({ text: "Lint passes", kind: "lint" });
  }
  return all;
}

/** Why a plan is refused under `require_verifiable`: it has criteria, all of them vague. Else undefined. */
export function refuseOnlyVague(criteria: readonly Criterion[]): string | undefined {
  if (criteria.length === 0 || criteria.some((criterion) => criterion.kind !== "vague")) return undefined;
  const list = criteria.map(({ text, suggestion }) => `- ${text}: ${suggestion}`).join("\n");
  return `None of the acceptance criteria can be checked by running something:\n${list}`;
}

const HEADING = /^\s{0,3}(?:#{1,6}\s+(.+?)|\*\*(.+?)\*\*:?|([A-Z][\w ]{2,40}):)\s*#*\s*$/;
const CRITERIA_TITLE =
  /^(?:acceptance|success|exit|completion)? ?criteria\b|^definition of done\b|^done when\b/i;
const BULLET = /^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(\S.*)$/;
const CHECKBOX = /^\s*(?:[-*+]|\d{1,3}[.)])\s+\[[ xX]\]\s+(\S.*)$/;

function outsideFences(plan: string): string[] {
  let fenced = false;
  return plan.split(/\r\n|\r|\n/).filter((line) => {
    const fence = /^\s*(?:```|~~~)/.test(line);
    if (fence) fenced = !fenced;
    return !fence && !fenced;
  });
}

function itemsUnderHeading(lines: string[]): string[] {
  const items: string[] = [];
  let inside: string[] | undefined;
  const close = (): void => {
    if (inside) items.push(...itemsOf(inside, BULLET));
    inside = undefined;
  };
  for (const line of lines) {
    const heading = HEADING.exec(line);
    if (heading) {
      close();
      const title = (heading[1] ?? heading[2] ?? heading[3] ?? "").trim();
      if (CRITERIA_TITLE.test(title)) inside = [];
    } else {
      inside?.push(line);
    }
  }
  close();
  return items;
}

/** List items that match; an indented line without a marker goes on with the item above it. */
function itemsOf(lines: string[], item: RegExp): string[] {
  const texts: string[] = [];
  let open = false;
  for (const line of lines) {
    const found = item.exec(line);
    if (found) {
      texts.push((found[1] ?? "").trim());
      open = true;
    } else if (open && /^\s+\S/.test(line) && !BULLET.test(line)) {
      texts.push(`${texts.pop()} ${line.trim()}`);
    } else {
      open = false;
    }
  }
  return texts;
}

/** Classes one criterion, from a plan or from a story. */
export function classCriterion(text: string): Criterion {
  const command = commandIn(text);
  if (command !== undefined) return { text, kind: "command", command };
  if (
    /\bno uncommitted|\b(?:working tree|git status) (?:is )?clean\b|\beverything is committed\b/i.test(text)
  ) {
    return { text, kind: "no_uncommitted_changes" };
  }
  const path = fileIn(text);
  if (path !== undefined) return { text, kind: "file", path };
  const passes = /\b(?:pass(?:es|ing)?|green|succeeds?|clean|no (?:errors?|warnings?|issues))\b/i.test(text);
  if (/\bno type errors?\b/i.test(text)) return { text, kind: "typecheck" };
  if (/\btype-? ?check(?:s|ing|er)?\b|\btsc\b|\bmypy\b/i.test(text) && passes)
    return { text, kind: "typecheck" };
  if (/\bno lint\b/i.test(text) || (/\blint(?:er|ing|s)?\b/i.test(text) && passes))
    return { text, kind: "lint" };
  if (/\b(?:tests?|test suite|specs?)\b/i.test(text) && passes) return { text, kind: "tests" };
  return { text, kind: "vague", suggestion: suggestionFor(text) };
}

const RUNNERS = new Set(
  (
    "npm npx pnpm yarn bun bunx node deno python python3 uv uvx poetry pipenv pip tox nox hatch cargo go make just " +
    "mvn gradle ant dotnet bundle rake ruby mix sbt lein swift xcodebuild bazel cmake ctest meson ninja docker " +
    "composer php terraform kubectl helm curl wget grep rg test bash sh git sqlite3 psql jq pre-commit"
  ).split(" "),
);
/** Tools that check something when they are run without an argument. */
const CHECKERS = new Set(
  (
    "pytest tsc eslint oxlint biome prettier oxfmt jest vitest mocha ava tap rspec rubocop phpunit phpstan ruff " +
    "flake8 pylint mypy pyright black golangci-lint staticcheck playwright cypress shellcheck ktlint"
  ).split(" "),
);

/** How far from the backticks a verb may stand, in characters. */
const BESIDE = 80;
const SAID_BEFORE = /\b(?:run|runs|running|execute|executing|invoking)\s+$/i;
const SAID_AFTER =
  /^\s*(?:(?:must|should|still|now|also)\s+){0,2}(?:pass(?:es)?|exits?|succeeds?|is green|returns (?:0|zero)|reports no|shows no)\b/i;
/** A command that is to fail, or a name that is to go. */
const MEANT_TO_FAIL =
  /^\s*(?:(?:must|should|still|now|also)\s+){0,2}(?:fails?|errors|exits (?:with )?(?:code |status )?(?:[1-9]|non-?zero)|does not|do not|no longer|never|is (?:removed|gone|refused|rejected))\b/i;

function commandIn(text: string): string | undefined {
  for (const span of text.matchAll(/`([^`]{1,500})`/g)) {
    const code = (span[1] ?? "").trim();
    if (code === "" || /^[\w.$]+\([^)]*\)$/.test(code)) continue;
    const end = span.index + span[0].length;
    const after = text.slice(end, end + BESIDE);
    if (MEANT_TO_FAIL.test(after)) continue;
    const [first = "", ...rest] = code.replace(/^(?:[A-Z_][A-Z0-9_]*=\S*\s+)+/, "").split(/\s+/);
    const local = /^(?:\.\.?\/|[\w.-]+\/)*([\w.-]+)$/.exec(first)?.[1] ?? first;
    if (CHECKERS.has(first) || CHECKERS.has(local)) return code;
    if (RUNNERS.has(first) && rest.length > 0) return code;
    if (first.startsWith("./") && (rest.length > 0 || !/\.(?!sh$)\w+$/.test(first))) return code;
    if (SAID_BEFORE.test(text.slice(Math.max(0, span.index - BESIDE), span.index))) return code;
    const looksRun = /[\s/]/.test(code) || RUNNERS.has(code);
    if (looksRun && SAID_AFTER.test(after)) return code;
  }
  return undefined;
}

function fileIn(text: string): string | undefined {
  if (!/\b(?:exists?|is (?:created|added|present)|are (?:created|added))\b/i.test(text)) return undefined;
  if (/\b(?:not|no longer|never|neither)\b/i.test(text)) return undefined;
  const quoted = [...text.matchAll(/`([^`\s]{1,300})`/g)].map((span) => span[1] ?? "");
  const bare = [...text.matchAll(/(?<![\w./-])((?:[\w.-]{1,100}\/){0,20}[\w-]{1,100}\.\w{1,10})(?![\w/])/g)];
  return [...quoted, ...bare.map((word) => word[1] ?? "")].find(isRelativePath);
}

function isRelativePath(word: string): boolean {
  if (!/^[\w.@][\w./@+-]*$/.test(word) || word.split("/").includes("..")) return false;
  return word.includes("/") || /\.\w{1,10}$/.test(word);
}

function suggestionFor(text: string): string {
  const subjective =
    /\b(?:works?(?: \w+ly| as expected)?|good|nice|clean|proper(?:ly)?|correct(?:ly)?|intuitive|robust|fast|user.friendly|well|polished|usable|ux|better)\b/i.exec(
      text,
    );
  return subjective
    ? `"${subjective[0]}" is a matter of opinion: say what is seen when it holds, with a command in backticks that shows it, such as \`npm test -- login\``
    : "name a command in backticks that shows it, or a file that must exist";
}
