/** Writes the makima.toml of a repository from what is found in it. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { detectCommands } from "@makima/daemon/checks/detect-commands";
import { inspectRepository } from "@makima/daemon/git/inspect";
import { runGit } from "@makima/daemon/git/git";
import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { EXIT } from "../exit-codes.ts";
import { sanitize, sanitizeLine } from "../print/terminal.ts";
import { confirm } from "../prompt.ts";
import { PROJECT_FILE } from "./project-file.ts";
import { rememberConfirmed } from "./trusted.ts";

export async function initProject(context: CliContext): Promise<void> {
  const { cwd, out, flags, paths } = context;
  const repository = await inspectRepository(cwd);
  const top = repository.topLevel ?? cwd;
  const file = join(top, PROJECT_FILE);
  if (existsSync(file)) {
    throw new CliError({
      code: "ALREADY_THERE",
      message: `${file} exists already; nothing was changed.`,
      next: ["makima config list --show-origin", "edit it, or remove it and run makima init again"],
      exit: EXIT.conflict,
    });
  }
  const base = await baseBranch(repository.commonDir, repository.branch);
  const found = await detectCommands(top);
  const guides = ["CLAUDE.md", "AGENTS.md"].filter((name) => existsSync(join(top, name)));
  const text = projectText({ tests: found.tests, lint: found.lint });

  out.note(`${file} would be:`);
  for (const line of sanitize(text).trimEnd().split("\n")) out.note(`  ${line}`);
  out.note(`Base branch   ${base === undefined ? "none found; name it with --base" : sanitizeLine(base)}`);
  out.note(`Agents read   ${guides.length > 0 ? guides.join(", ") : "no CLAUDE.md or AGENTS.md yet"}`);
  if (!flags.yes) {
    const answer = await confirm(`Write ${file}?`, { initial: true });
    if (answer === "cannot ask") {
      throw new CliError({
        code: "NEEDS_CONFIRMATION",
        message: "Nothing was written: there is no terminal to ask on.",
        next: ["makima init --yes"],
        exit: EXIT.usage,
      });
    }
    if (!answer) return out.note("Nothing was written.");
  }
  writeFileSync(file, text, { flag: "wx" });
  const commands = [
    { key: "quality_gates.test_command", command: found.tests ?? "" },
    { key: "quality_gates.lint_command", command: found.lint ?? "" },
  ].filter(({ command }) => command !== "");
  // Whoever wrote them here has seen them.
  if (commands.length > 0) rememberConfirmed({ file, commands }, paths.trustFile, new Date());
  if (out.json)
    out.value({
      file,
      baseBranch: base ?? null,
      testCommand: found.tests ?? null,
      lintCommand: found.lint ?? null,
    });
  else out.line(file);
  out.note('Next  makima run "say in one sentence what is to be done"');
}

function projectText(found: { tests: string | undefined; lint: string | undefined }): string {
  const gates: Record<string, string | boolean> = {};
  if (found.tests !== undefined) gates["test_command"] = found.tests;
  if (found.lint !== undefined) gates["lint_command"] = found.lint;
  const head = [
    "# makima's settings for this project. All keys: makima config schema, or docs/config.md.",
    "# What belongs to a machine (server, process, worktree) stands in your own config.toml.",
    "",
  ];
  if (found.tests === undefined) {
    return [
      ...head,
      "[quality_gates]",
      "# No test command was found. Without one, agents' work is not tested.",
      '# test_command = "make test"',
      "",
    ].join("\n");
  }
  return [...head, stringify({ quality_gates: gates }).trimEnd(), ""].join("\n");
}

/** The remote's own idea of its main branch, else a usual name, else what is checked out. */
async function baseBranch(gitDir: string, current: string | undefined): Promise<string | undefined> {
  const remote = await tryGit(gitDir, ["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]);
  if (remote !== undefined) return remote.replace(/^origin\//, "");
  for (const name of ["main", "master"]) {
    if ((await tryGit(gitDir, ["rev-parse", "--verify", "--quiet", `refs/heads/${name}`])) !== undefined)
      return name;
  }
  return current;
}

async function tryGit(gitDir: string, args: string[]): Promise<string | undefined> {
  try {
    const said = (await runGit(args, { gitDir })).stdout.toString("utf8").trim();
    return said === "" ? undefined : said;
  } catch {
    return undefined;
  }
}
