/** The pages of docs/errors, one a problem code. */
import { PROBLEM_HELP } from "../packages/protocol/src/problem-help.ts";
import { PROBLEMS, type ProblemCode } from "../packages/protocol/src/problem.ts";

const codes = Object.keys(PROBLEMS) as ProblemCode[];

function fileOf(code: ProblemCode): string {
  return `${code.toLowerCase().replaceAll("_", "-")}.md`;
}

/** File → a function that makes its text. */
export function errorPages(): Record<string, () => string> {
  const pages: Record<string, () => string> = { "docs/errors/README.md": index };
  for (const code of codes) pages[`docs/errors/${fileOf(code)}`] = () => page(code);
  return pages;
}

function index(): string {
  const rows = codes.map(
    (code) => `| [\`${code}\`](${fileOf(code)}) | ${PROBLEMS[code].status} | ${PROBLEMS[code].title} |`,
  );
  return `# Errors

Every refusal of the API is \`application/problem+json\` (RFC 9457) with a \`code\`, a sentence in \`detail\`, and what to do
in \`next\`. The CLI prints the same and exits with a code of its own (\`makima help exit-codes\`).

| code | HTTP | |
|---|---|---|
${rows.join("\n")}
`;
}

function page(code: ProblemCode): string {
  const { status, title } = PROBLEMS[code];
  const { when, next } = PROBLEM_HELP[code];
  return `# ${code}

${title} · HTTP ${status}

**When.** ${when}

**Next.** ${next}
`;
}
