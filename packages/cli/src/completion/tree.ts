/** The command tree as completion needs it: for each command its words, flags and what its argument names. */
import type { Command, Option } from "commander";

export const LIVE_KINDS = ["tasks", "contracts", "questions"] as const;
export type LiveKind = (typeof LIVE_KINDS)[number];

export interface Node {
  /** `tasks logs`; empty for the program. */
  path: string;
  words: { name: string; about: string }[];
  flags: { names: string[]; about: string; takesValue: boolean }[];
  /** Whose ids its first argument takes. */
  ids: LiveKind | undefined;
}

/** Every command that is not hidden, the program first. Aliases are nodes of their own. */
export function completionTree(program: Command): Node[] {
  const common = flagsOf(program);
  return walk(program, [], common);
}

function walk(command: Command, path: readonly string[], common: Node["flags"]): Node[] {
  const children = command.commands.filter((child) => !isHidden(child));
  const own: Node = {
    path: path.join(" "),
    words: children.map((child) => ({ name: child.name(), about: child.description() })),
    flags: path.length === 0 ? common : [...flagsOf(command), ...common],
    ids: idsOf(command, path),
  };
  if (path.length === 0) own.words.push({ name: "help", about: "Help on a command" });
  return [
    own,
    ...children.flatMap((child) =>
      [child.name(), ...child.aliases()].flatMap((name) => walk(child, [...path, name], common)),
    ),
  ];
}

function isHidden(command: Command): boolean {
  return command.name().startsWith("_");
}

function flagsOf(command: Command): Node["flags"] {
  return command.options
    .filter((option: Option) => !option.hidden)
    .map((option) => ({
      names: [option.short, option.long].filter((name) => name !== undefined && name !== null),
      about: option.description,
      takesValue: option.required || option.optional,
    }));
}

function idsOf(command: Command, path: readonly string[]): LiveKind | undefined {
  const noun = path[0]?.replace(/s?$/, "s");
  const kind = LIVE_KINDS.find((kind) => kind === noun);
  const argument = command.registeredArguments[0]?.name() ?? "";
  return kind !== undefined && /id|task|contract|question/.test(argument) ? kind : undefined;
}
