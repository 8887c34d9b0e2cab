/** Completion scripts: the command tree stands in them, only ids are asked for while typing. */
import type { Node } from "./tree.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, tree: readonly Node[]): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](tree);
}

const flagNames = (node: Node) => node.flags.flatMap((flag) => flag.names).join(" ");

/** A `case` over the path that was typed so far, shared by bash and zsh. */
function cases(tree: readonly Node[]): string[] {
  return tree.flatMap((node) => [
    `    ${quote(node.path)})`,
    `      subs=${quote(node.words.map((word) => word.name).join(" "))}`,
    `      flags=${quote(flagNames(node))}`,
    `      ids=${quote(node.ids ?? "")} ;;`,
  ]);
}

/** Follows the words before the cursor down the tree; flags and what they take are passed over. */
function pathLoop(tree: readonly Node[]): string[] {
  const takers = [
    ...new Set(
      tree.flatMap((node) => node.flags.filter((flag) => flag.takesValue).flatMap((flag) => flag.names)),
    ),
  ];
  return [
    '  local at="" word skip=0 subs="" flags="" ids=""',
    '  for word in "${before[@]}"; do',
    "    if [[ $skip == 1 ]]; then skip=0; continue; fi",
    '    case "$word" in',
    `      ${takers.map(quote).join("|")}) skip=1; continue ;;`,
    "      -*) continue ;;",
    "    esac",
    '    case "${at:+$at }$word" in',
    `      ${tree
      .filter((node) => node.path !== "")
      .map((node) => quote(node.path))
      .join("|")}) at="\${at:+$at }$word" ;;`,
    "    esac",
    "  done",
    '  case "$at" in',
    ...cases(tree),
    "  esac",
  ];
}

function bashScript(tree: readonly Node[]): string {
  return [
    "# bash completion for makima. Load it with: source <(makima completion bash)",
    "_makima() {",
    '  local cur="${COMP_WORDS[COMP_CWORD]}"',
    '  local -a before=("${COMP_WORDS[@]:1:COMP_CWORD-1}")',
    ...pathLoop(tree),
    '  if [[ "$cur" == -* ]]; then',
    '    COMPREPLY=($(compgen -W "$flags" -- "$cur"))',
    '  elif [[ -n "$subs" ]]; then',
    '    COMPREPLY=($(compgen -W "$subs" -- "$cur"))',
    '  elif [[ -n "$ids" ]]; then',
    '    COMPREPLY=($(compgen -W "$(makima __complete "$ids" 2>/dev/null | cut -f1)" -- "$cur"))',
    "  else",
    '    COMPREPLY=($(compgen -f -- "$cur"))',
    "  fi",
    "}",
    "complete -F _makima makima",
    "",
  ].join("\n");
}

function zshScript(tree: readonly Node[]): string {
  return [
    "#compdef makima",
    "# zsh completion for makima. Load it with: source <(makima completion zsh)",
    "_makima() {",
    '  local cur="${words[CURRENT]}"',
    '  local -a before=("${words[@]:1:$((CURRENT-2))}")',
    ...pathLoop(tree),
    '  if [[ "$cur" == -* ]]; then',
    "    compadd -- ${=flags}",
    '  elif [[ -n "$subs" ]]; then',
    "    compadd -- ${=subs}",
    '  elif [[ -n "$ids" ]]; then',
    '    local -a rows names; rows=("${(@f)$(makima __complete "$ids" 2>/dev/null)}")',
    "    names=(${rows%%$'\\t'*})",
    "    compadd -d rows -a names",
    "  else",
    "    _files",
    "  fi",
    "}",
    "compdef _makima makima",
    "",
  ].join("\n");
}

function fishScript(tree: readonly Node[]): string {
  const lines = [
    "# fish completion for makima. Load it with: makima completion fish | source",
    "function __makima_path",
    "  set -l words (commandline -opc)[2..]",
    "  string match -v -- '-*' $words | string join ' '",
    "end",
    "function __makima_at",
    '  test (__makima_path) = "$argv[1]"',
    "end",
    "complete -c makima -f",
  ];
  for (const node of tree) {
    const here =
      node.path === ""
        ? `-n ${quote("test -z (__makima_path)")}`
        : `-n ${quote(`string match -q -- ${quote(`${node.path}*`)} (__makima_path)`)}`;
    const exactly = `-n ${quote(`__makima_at ${quote(node.path)}`)}`;
    for (const word of node.words)
      lines.push(`complete -c makima ${exactly} -a ${quote(word.name)} -d ${quote(word.about)}`);
    for (const flag of node.flags) {
      const [long] = flag.names.filter((name) => name.startsWith("--"));
      if (long)
        lines.push(
          `complete -c makima ${here} -l ${long.slice(2)}${flag.takesValue ? " -r" : ""} -d ${quote(flag.about)}`,
        );
    }
    if (node.ids)
      lines.push(`complete -c makima ${exactly} -a ${quote(`(makima __complete ${node.ids} 2>/dev/null)`)}`);
  }
  return [...new Set(lines), ""].join("\n");
}

/** A word as a shell reads it. fish reads \\' inside quotes too. */
function quote(text: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
