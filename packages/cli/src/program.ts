/** The command line as a tree, made for one call: only the command that is run is loaded. */
import { Command, CommanderError, Option } from "commander";
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { createContext, type CliContext, type GlobalFlags } from "./cli-context.ts";
import { COMMANDS, findCommand, type ContextOf } from "./command-table.ts";
import { usageError, QuietExit, type CliError } from "./cli-error.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { nearest } from "./run/nearest.ts";
import { reportError } from "./errors.ts";
import { outputOf, type Output } from "./output.ts";

/** Global options that take a value: needed to find the first word before anything is loaded. */
const WITH_VALUE = new Set(["--config", "--server-url", "--api-key", "--data-dir", "--json-fields"]);

/** The program with the named command, or with every command. What it says on stderr goes to `complaints`. */
export async function buildProgram(only?: string, complaints: string[] = []): Promise<Command> {
  const program = new Command("makima");
  program
    .description("Hands bodies of work to coding agents and brings back reviewed, merged changes.")
    .version(`makima ${MAKIMA_VERSION}`, "-V, --version", "print the version")
    .option("--json", "print JSON (streams: one object a line); --json=a,b picks fields")
    .addOption(new Option("--json-fields <list>").hideHelp().argParser((list: string) => list.split(",")))
    .option("--config <file>", "configuration file instead of the user's")
    .option("--server-url <url>", "server to talk to")
    .option("--api-key <key>", "key for it (rather set MAKIMA_API_KEY: others see command lines)")
    .option("--data-dir <folder>", "data folder; also MAKIMA_DATA_DIR")
    .option("-y, --yes", "answer yes to what would be asked")
    .option("--trust-project", "accept the commands in this project's makima.toml")
    .option("--no-color", "no colours; also NO_COLOR")
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .configureOutput({ writeErr: (text) => void complaints.push(text) })
    .exitOverride();
  const memo = new Map<string, Promise<CliContext>>();
  const context: ContextOf = (overrides = {}, role = "person") => {
    const key = JSON.stringify([role, overrides]);
    const made =
      memo.get(key) ?? createContext({ flags: flagsOf(program), out: outputFor(program), overrides, role });
    memo.set(key, made);
    return made;
  };
  const entries = only === undefined ? COMMANDS : COMMANDS.filter((entry) => entry.name === only);
  const files = new Set(await Promise.all(entries.map((entry) => entry.load())));
  for (const file of files) file.register(program, context);
  inheritExit(program);
  return program;
}

/** Runs one command line and gives its exit code. Never throws. */
export async function runProgram(args: readonly string[]): Promise<ExitCode> {
  const argv = args.map(spellJson).flat();
  const first = firstWord(argv);
  const entry = first === undefined ? undefined : findCommand(first);
  const complaints: string[] = [];
  let program: Command | undefined;
  try {
    if (first !== undefined && !entry) throw unknownCommand(first);
    program = await buildProgram(entry?.name, complaints);
    await program.parseAsync(argv, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const out = program ? outputFor(program) : outputOf({ env: process.env, json: argv.includes("--json") });
    return reportError(
      error instanceof CommanderError ? worded(error, first, complaints) : error,
      out,
      process.stderr,
    );
  }
}

/** Commander's complaint as one of ours: what, and the command that helps. */
function worded(error: CommanderError, command: string | undefined, complaints: readonly string[]): Error {
  // A command that only groups others was called alone: its help is the answer.
  if (error.code === "commander.help") {
    process.stderr.write(complaints.join(""));
    return new QuietExit(EXIT.usage);
  }
  const [what = "", ...hints] = error.message.replace(/^error: /, "").split("\n");
  const sentence = `${what.charAt(0).toUpperCase()}${what.slice(1).replace(/\.?$/, ".")}`;
  return usageError(
    [sentence, ...hints].join(" "),
    command === undefined ? "makima --help" : `makima help ${command}`,
  );
}

function unknownCommand(word: string): CliError {
  const names = COMMANDS.filter((entry) => entry.group !== "hidden").map((entry) => entry.name);
  const near = nearest(word, names);
  return usageError(
    `There is no command ${JSON.stringify(word)}.`,
    near ? `makima ${near}` : "makima --help",
  );
}

function flagsOf(program: Command): GlobalFlags {
  return program.opts();
}

function outputFor(program: Command): Output {
  const flags = flagsOf(program);
  return outputOf({
    env: process.env,
    json: flags.json === true || flags.jsonFields !== undefined,
    fields: flags.jsonFields,
    noColour: flags.color === false,
  });
}

/** `--json=a,b` becomes an option of its own, so that a bare `--json` never swallows the word after it. */
function spellJson(word: string): string[] {
  return word.startsWith("--json=") ? ["--json-fields", word.slice("--json=".length)] : [word];
}

function firstWord(argv: readonly string[]): string | undefined {
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    if (word === "--") return argv[at + 1];
    if (!word.startsWith("-")) return word === "help" ? argv[at + 1] : word;
    if (WITH_VALUE.has(word)) at += 1;
  }
  return undefined;
}

/** Subcommands that were added as made objects do not take over the settings of the program. */
function inheritExit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inheritExit(child);
  }
}
