/**
 * The environment and settings that every git call of the daemon runs with.
 *
 * `local` is for everything that touches a repository on this disk: no system or global config, no
 * transport at all, so that nothing an agent or a cloned repository wrote can start a program.
 * `person` is for what a person would do by hand with their own credentials (fetch, push, fast-forward
 * of their checkout): their config holds credential helpers, proxies and large-file filters.
 * Neither may ask a question: there is nobody at the keyboard.
 */

export type GitProfile = "local" | "person";

/** Settings that win over every config file, in every profile. */
const ALWAYS: readonly string[] = [
  "core.fsmonitor=false",
  "core.hooksPath=/dev/null",
  "core.pager=cat",
  "core.editor=false",
  "core.askPass=",
  "core.quotePath=false",
  "commit.gpgSign=false",
  "tag.gpgSign=false",
  "push.gpgSign=false",
  "log.showSignature=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "submodule.recurse=false",
  "fetch.recurseSubmodules=false",
  "push.recurseSubmodules=no",
  "protocol.ext.allow=never",
  "checkout.workers=8",
  "checkout.thresholdForParallelism=100",
];

const LOCAL_ONLY: readonly string[] = ["core.attributesFile=/dev/null", "core.sshCommand=false"];

/** Options that stand before git's own verb. */
export function globalOptions(profile: GitProfile, extraConfig: readonly string[]): string[] {
  const config = [...ALWAYS, ...(profile === "local" ? LOCAL_ONLY : []), ...extraConfig];
  return [
    "--no-pager",
    "--no-replace-objects",
    "--literal-pathspecs",
    ...config.flatMap((setting) => ["-c", setting]),
  ];
}

/** Variables of the daemon's own process that git needs; its `GIT_*` variables are dropped. */
const KEPT = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "SystemRoot"];
const KEPT_FOR_PERSON = [
  "SSH_AUTH_SOCK",
  "SSH_AGENT_PID",
  "GIT_SSH",
  "GIT_SSH_COMMAND",
  "GIT_CONFIG_GLOBAL",
  "XDG_RUNTIME_DIR",
  "DBUS_SESSION_BUS_ADDRESS",
  "HTTPS_PROXY",
  "https_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "NO_PROXY",
  "no_proxy",
  "ALL_PROXY",
  "all_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "GH_TOKEN",
  "GITHUB_TOKEN",
];

/**
 * `allowFile` permits `file` addresses in the `person` profile, for who configured that.
 * `base` is the environment to pick from, normally `process.env`.
 */
export function gitEnvironment(
  profile: GitProfile,
  allowFile: boolean,
  base: NodeJS.ProcessEnv,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of profile === "local" ? KEPT : [...KEPT, ...KEPT_FOR_PERSON]) {
    const value = base[name];
    if (value !== undefined) env[name] = value;
  }
  env["LC_ALL"] = "C";
  env["GIT_TERMINAL_PROMPT"] = "0";
  env["GCM_INTERACTIVE"] = "never";
  env["SSH_ASKPASS_REQUIRE"] = "never";
  env["GIT_OPTIONAL_LOCKS"] = "0";
  env["GIT_NO_LAZY_FETCH"] = "1";
  env["GIT_EDITOR"] = "false";
  if (profile === "local") {
    env["GIT_CONFIG_NOSYSTEM"] = "1";
    env["GIT_CONFIG_GLOBAL"] = "/dev/null";
    env["GIT_ATTR_NOSYSTEM"] = "1";
    // A list without a known name: a partial clone cannot make git call a remote.
    env["GIT_ALLOW_PROTOCOL"] = "none";
  } else {
    env["GIT_ALLOW_PROTOCOL"] = allowFile ? "https:ssh:file" : "https:ssh";
  }
  return env;
}
