/**
 * The simulated agent: a program of its own that speaks Claude Code's stream-json and follows a script.
 *
 *   MAKIMA_SIM_SCRIPT=happy node main.ts --output-format=stream-json --input-format=stream-json --verbose …
 *
 * It takes claude's flags (arguments.ts), and by environment what claude has not (settings.ts): the script, the
 * speed, its home. Unlike claude it does not refuse --dangerously-skip-permissions under root: it does nothing
 * but what its script says, so that root makes it no more dangerous than the script.
 */
import { Agent } from "./agent.ts";
import { readArguments, type Options } from "./arguments.ts";
import { listen } from "./control.ts";
import { loadScript } from "./load-script.ts";
import { printAuthStatus, setupToken } from "./login.ts";
import { CLAUDE_VERSION } from "./messages.ts";
import { openSession } from "./open-session.ts";
import { readSettings, type Settings } from "./settings.ts";
import { heedSignals } from "./signals.ts";
import { takeBackgroundEnd, takeMessage } from "./take-turn.ts";

const HELP =
  "Usage: the flags of claude, with MAKIMA_SIM_SCRIPT=<scenario or path>, MAKIMA_SIM_SPEED=<factor>.";

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const invocation = readArguments(argv);
  const settings = readSettings(process.env);
  if (typeof settings === "string") return refuse(settings);
  switch (invocation.kind) {
    case "version":
      return print(`${CLAUDE_VERSION} (makima simulated agent)`);
    case "help":
      return print(HELP);
    case "authStatus":
      return print(printAuthStatus(settings.home));
    case "setupToken":
      return setupToken(settings.home, process.stdin, process.stdout);
    case "refuse":
      return refuse(invocation.message);
    case "converse":
      return converse(invocation.options, settings);
  }
}

async function converse(options: Options, settings: Settings): Promise<number> {
  const loaded = loadScript(settings.script);
  if (!loaded.ok) return refuse(loaded.problem);
  const facts = { home: settings.home, cwd: process.cwd(), script: loaded.name };
  const opened = openSession(options, facts);
  if (!opened.ok) {
    if (opened.line) print(JSON.stringify(opened.line));
    return refuse(opened.message);
  }
  const agent = new Agent({ options, settings, script: loaded.script, session: opened.session });
  heedSignals(agent);
  listen(agent, process.stdin);
  return agent.leave(await takeAll(agent));
}

/** Takes up what comes until nothing can come any more; gives the exit code. */
async function takeAll(agent: Agent): Promise<number> {
  let failed = false;
  for (let next = await agent.inbox.next(); next; next = await agent.inbox.next()) {
    failed = next.kind === "message" ? await takeMessage(agent, next) : await takeBackgroundEnd(agent, next);
    if (agent.leaving) return 0;
  }
  return failed ? 1 : 0;
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function refuse(message: string): number {
  process.stderr.write(`${message}\n`);
  return 1;
}
