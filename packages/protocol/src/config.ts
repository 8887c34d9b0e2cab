/**
 * The configuration: one schema is the source of types, defaults, the reference page and the JSON Schema.
 *
 * Keys are snake_case as in TOML. A key stands here only when something reads it; an unknown key is an
 * error that names the nearest one. The description of each key is what the reference page prints.
 */
import { z } from "zod";

const secs = (value: number, about: string) => z.number().min(0).default(value).describe(about);
const flag = (value: boolean, about: string) => z.boolean().default(value).describe(about);
const words = (about: string) => z.array(z.string()).default([]).describe(about);
const line = (value: string, about: string) => z.string().default(value).describe(about);
const count = (value: number, min: number, max: number, about: string) =>
  z.int().min(min).max(max).default(value).describe(about);

const server = z.strictObject({
  url: line("ws://127.0.0.1:7717", "Server that a daemon or the CLI connects to."),
  api_key: line("", "Key for it; or MAKIMA_API_KEY."),
  host: line("127.0.0.1", "Address that the server binds."),
  port: count(7717, 0, 65535, "Port that the server binds; `makima up` takes the next free one and says so."),
  database_url: line("", "PostgreSQL to use; empty: the one that makima brings along."),
  public_url: line("", "Address under which people reach the server, where it is not the one it binds."),
  behind_proxy: flag(false, "Allow binding beyond loopback because a proxy in front does TLS."),
  allowed_origins: words("Further origins whose pages may call the API."),
});

const auth = z.strictObject({
  jwt_secret: line("", "Secret (HS256, 32 characters or more) of JSON web tokens to accept."),
  jwks_url: line("", "Key set of an external identity provider."),
  issuer: line("", "Issuer that a token must name."),
  audience: line("", "Audience that a token must name."),
  session_ttl_secs: count(86400, 60, 31_536_000, "Seconds that a browser session lasts."),
});

const bubblewrap = z.strictObject({
  enabled: flag(false, "Run agents and checks in a bubblewrap sandbox."),
  bwrap_command: line("bwrap", "The bubblewrap program."),
  network: flag(true, "Let the sandbox reach the network."),
  ro_bind: words("Further paths to show read-only."),
  rw_bind: words("Further paths to show writable."),
});

const processSection = z.strictObject({
  max_concurrent_tasks: count(4, 1, 1000, "Tasks that this daemon runs at a time."),
  claude_command: line("claude", "The Claude Code program."),
  claude_args: words("Arguments put last on its command line."),
  claude_pre_args: words("Arguments put first on its command line."),
  enable_permissions: flag(
    false,
    "Let Claude Code ask before it uses tools, instead of skipping permissions.",
  ),
  disable_verbose: flag(false, "Leave out --verbose where the agent allows it (never with stream-json)."),
  default_timeout_secs: secs(0, "Time limit of a run; 0: none."),
  heartbeat_commit_interval_secs: secs(300, "Take a checkpoint this often while an agent works; 0: never."),
  env_vars: z.record(z.string(), z.string()).default({}).describe("Variables to set for agents."),
  pass_env: words("Variables to pass on to agents beside the standard ones."),
  bubblewrap: bubblewrap.prefault({}),
});

const worktree = z.strictObject({
  base_dir: line("~/.makima/worktrees", "Folder of the worktrees."),
  repos_dir: line("~/.makima/repos", "Folder of mirrors and managed repositories."),
  setup: line("", "Shell command that prepares a new worktree, e.g. installs dependencies."),
  dependencies: z
    .enum(["auto", "copy", "none"])
    .default("auto")
    .describe("Bring along ignored dependency folders."),
  push_checkpoints: flag(false, "Push checkpoint refs to the repository's remote."),
  retention_days: count(
    30,
    0,
    3650,
    "Days that reports which the server could not apply are kept. Checkpoint and rescue refs are kept for good.",
  ),
  isolation: z
    .enum(["clone", "worktree"])
    .default("clone")
    .describe("A clone of its own, or a linked worktree."),
  file_urls: flag(false, "Allow file:// repository addresses."),
});

const localDb = z.strictObject({ path: line("~/.makima/daemon.db", "The daemon's journal.") });

const logging = z.strictObject({
  level: z
    .enum(["trace", "debug", "info", "warn", "error"])
    .default("info")
    .describe("Least level that is logged."),
  format: z.enum(["pretty", "json"]).default("pretty").describe("How log lines look."),
});

const leases = z.strictObject({
  heartbeat_secs: z
    .number()
    .min(0.05)
    .max(300)
    .default(10)
    .describe("A daemon says this often that it lives."),
  lease_secs: z.number().min(0.2).max(3600).default(45).describe("Silence after which a run is suspect."),
  grace_secs: secs(600, "Further silence after which a suspect run is lost and placed anew."),
});

const progressLog = z.strictObject({
  enabled: flag(true, "Keep progress.log in the worktree."),
  max_entries_injected: count(20, 0, 1000, "Newest entries that go into the prompt."),
});

const contextRecovery = z.strictObject({
  enabled: flag(true, "Begin each prompt with where the work stands."),
  include_git_status: flag(true, "Say branch and status in it."),
  include_recent_progress: flag(true, "Say the newest progress entries in it."),
  handoff_at: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.8)
    .describe("Share of the context window at which a fresh session starts."),
});

const acceptanceCriteria = z.strictObject({
  enabled: flag(true, "Read criteria from the plan and check them."),
  require_verifiable: flag(true, "Refuse a plan whose criteria are all vague."),
  auto_append_standard: z
    .array(z.enum(["no_uncommitted_changes", "tests_pass", "lint_passes"]))
    .default(["no_uncommitted_changes", "tests_pass"])
    .describe("Criteria added to every plan; tests_pass where a test command is found."),
});

const commitDiscipline = z.strictObject({
  enabled: flag(true, "Commit what an agent left when a task is done."),
  require_tests: flag(false, "Commit only when the tests pass."),
  require_lint: flag(false, "Commit only when lint passes."),
  message_format: z
    .enum(["conventional", "simple"])
    .default("conventional")
    .describe("Form of commit messages."),
  co_author: line("", "Co-author trailer; empty: the agent's own; none: no trailer."),
});

const completion = z.strictObject({
  pull_request_command: z
    .array(z.string())
    .default([])
    .describe(
      "Program and arguments that open a pull request; {repository}, {branch}, {target}, {title} and {body} are filled in. Empty: gh.",
    ),
});

const autonomousLoop = z.strictObject({
  default_max_iterations: count(10, 1, 50, "Iterations of a loop where none are named."),
  hard_limit: count(50, 1, 50, "Iterations that no flag can exceed."),
  no_change_threshold: count(3, 1, 50, "Iterations without file changes that stop a loop."),
  same_error_threshold: count(5, 1, 50, "Iterations with the same error that stop a loop."),
});

const qualityGates = z.strictObject({
  require_tests: flag(false, "Done only when tests ran and passed."),
  test_command: line("", "Shell command of the tests; empty: found."),
  lint_command: line("", "Shell command of lint; empty: found."),
  test_timeout_secs: count(300, 1, 86_400, "Time limit of each check."),
});

const limits = z.strictObject({
  max_cost_usd: secs(0, "Dollars of one task; 0: none."),
  max_runtime_secs: secs(0, "Seconds of agent time of one task; 0: none."),
  max_attempts: count(3, 1, 100, "Runs of one task that may be lost before it fails."),
  max_tasks: count(200, 1, 100_000, "Tasks of one contract."),
});

export const configSchema = z.strictObject({
  server: server.prefault({}),
  auth: auth.prefault({}),
  process: processSection.prefault({}),
  worktree: worktree.prefault({}),
  local_db: localDb.prefault({}),
  logging: logging.prefault({}),
  leases: leases.prefault({}),
  progress_log: progressLog.prefault({}),
  context_recovery: contextRecovery.prefault({}),
  acceptance_criteria: acceptanceCriteria.prefault({}),
  commit_discipline: commitDiscipline.prefault({}),
  completion: completion.prefault({}),
  autonomous_loop: autonomousLoop.prefault({}),
  execution: z
    .strictObject({ single_task_mode: flag(false, "One iteration, then stop and report.") })
    .prefault({}),
  quality_gates: qualityGates.prefault({}),
  limits: limits.prefault({}),
});
export type Config = z.infer<typeof configSchema>;

/** Sections that a project's own makima.toml may set: those that belong to a contract. The rest is refused. */
export const PROJECT_SECTIONS = [
  "progress_log",
  "context_recovery",
  "acceptance_criteria",
  "commit_discipline",
  "autonomous_loop",
  "execution",
  "quality_gates",
  "limits",
] as const satisfies readonly (keyof Config)[];
