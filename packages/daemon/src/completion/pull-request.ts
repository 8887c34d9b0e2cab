/** Opens a pull request with a program that the person configured, GitHub's `gh` by default. */
import { execFile } from "node:child_process";
import { GitError } from "../git/error.ts";

export interface PullRequest {
  /** Folder to run in: the store or a checkout. */
  readonly cwd: string;
  /** Address of the remote repository. */
  readonly repository: string;
  readonly branch: string;
  readonly target: string;
  readonly title: string;
  readonly body: string;
  /** Program and arguments; `{repository}`, `{branch}`, `{target}`, `{title}`, `{body}` are filled in. */
  readonly command?: readonly string[] | undefined;
  /** Prints the address of an open pull request of the branch, or nothing. */
  readonly findCommand?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Default 2 minutes. */
  readonly timeoutMs?: number;
}

export interface OpenedPullRequest {
  readonly url: string;
  /** False when there was one already. */
  readonly created: boolean;
}

const CREATE =
  "gh pr create --repo {repository} --head {branch} --base {target} --title {title} --body {body}".split(" ");
const FIND =
  "gh pr list --repo {repository} --head {branch} --base {target} --state open --json url --jq .[].url".split(
    " ",
  );

/** Twice is once. Throws `pull_request_tool_missing` or `pull_request_failed`. */
export async function openPullRequest(request: PullRequest): Promise<OpenedPullRequest> {
  const find = request.findCommand ?? (request.command === undefined ? FIND : []);
  if (find.length > 0) {
    const there = addressIn(await run(find, request));
    if (there !== undefined) return { url: there, created: false };
  }
  const command = request.command ?? CREATE;
  const said = await run(command, request);
  const url = addressIn(said);
  if (url !== undefined) return { url, created: true };
  throw new GitError(
    "pull_request_failed",
    `${command[0]} ended well but printed no address of a pull request. Look whether it is there; if not, check [completion] pull_request_command.`,
    { stderr: said.slice(0, 2000), args: command },
  );
}

/** The last https address in the output. */
function addressIn(output: string): string | undefined {
  return output.match(/https?:\/\/[^\s"'<>]+/g)?.at(-1);
}

function run(template: readonly string[], request: PullRequest): Promise<string> {
  const [program = "", ...args] = template.map((word) => fill(word, request));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = {
    cwd: request.cwd,
    env: {
      ...withoutOwn(process.env),
      GH_PROMPT_DISABLED: "1",
      GIT_TERMINAL_PROMPT: "0",
      NO_COLOR: "1",
      ...request.env,
    },
    timeout: request.timeoutMs ?? 120_000,
    maxBuffer: 4 * 1024 * 1024,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
  const child = execFile(program, args, options, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else if (request.signal?.aborted) reject(request.signal.reason as Error);
    else reject(failed(program, request, error, stderr));
  });
  child.stdin?.end();
  return promise;
}

/** The daemon's own keys are none of the tool's business. */
function withoutOwn(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("MAKIMA_")));
}

/** In one pass, so that a title with braces in it is not filled in again. */
function fill(word: string, request: PullRequest): string {
  return word.replaceAll(
    /\{(repository|branch|target|title|body)\}/g,
    (_, name: "repository" | "branch" | "target" | "title" | "body") => request[name],
  );
}

function failed(program: string, request: PullRequest, cause: Error, stderr: string): GitError {
  const by = `${request.branch} into ${request.target} at ${request.repository}`;
  if ("code" in cause && cause.code === "ENOENT") {
    return new GitError(
      "pull_request_tool_missing",
      `The pull request of ${by} was not opened, because the program ${program} is not on the daemon's PATH. Install it (for gh: https://cli.github.com, then gh auth login), or name another in [completion] pull_request_command; then retry the completion action.`,
      { command: program },
      cause,
    );
  }
  return new GitError(
    "pull_request_failed",
    `The pull request of ${by} was not opened: ${stderr.trim().slice(0, 500) || cause.message}. Put that right and retry the completion action; the branch is pushed.`,
    { stderr, command: program },
    cause,
  );
}
