/** Help texts that need no command to be loaded. */
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { COMMANDS, GROUPS } from "./command-table.ts";
import { EXIT_MEANINGS } from "./exit-codes.ts";

/** What a bare `makima` says: eight lines. */
export function shortHelp(): string {
  return [
    "makima up                        start server, database and daemon on this machine",
    "makima demo                      watch a contract run: no key, no account, one minute",
    'makima run "Fix the date test"   hand a sentence of work to an agent, in a git repository',
    "makima status                    what runs, and what waits for you",
    "makima tasks logs -f <id>        follow an agent",
    "makima init                      set up this repository",
    "makima doctor                    check this machine; every failing line says the fix",
    "makima --help                    all commands",
    "",
  ].join("\n");
}

export function fullHelp(): string {
  const width = Math.max(...COMMANDS.map((entry) => entry.name.length)) + 2;
  const lines = [
    `makima ${MAKIMA_VERSION} — hands bodies of work to coding agents and brings back merged changes`,
    "",
    "Usage  makima <command> [flags]",
  ];
  for (const [group, title] of Object.entries(GROUPS)) {
    lines.push("", title);
    for (const entry of COMMANDS.filter((entry) => entry.group === group)) {
      lines.push(`  ${entry.name.padEnd(width)}${entry.summary}`);
    }
  }
  lines.push(
    "",
    "Flags of every command",
    "  --json[=fields]        print JSON; streams print one object a line",
    "  --server-url <url>     server to talk to; else the one of this machine",
    "  --api-key <key>        key for it; rather set MAKIMA_API_KEY",
    "  --config <file>        configuration file instead of the user's",
    "  --data-dir <folder>    data folder; also MAKIMA_DATA_DIR",
    "  -y, --yes              answer yes to what would be asked",
    "  --trust-project        accept the commands in this project's makima.toml",
    "  --no-color             no colours; also NO_COLOR",
    "  -V, --version          print the version",
    "",
    "makima help <command> lists its flags · makima help exit-codes",
    "",
  );
  return lines.join("\n");
}

export function exitCodesHelp(): string {
  const rows = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `${code.padStart(5)}  ${meaning}`);
  return ["Exit codes, the same for every command:", ...rows, ""].join("\n");
}
