/** Which task or contract a command means: as typed, from a pasted page's address, or from the agent's environment. */
import { usageError } from "../../cli-error.ts";

type Env = Readonly<Record<string, string | undefined>>;

const KINDS = {
  task: { variable: "MAKIMA_TASK_ID", page: /\/t\/([^/?#]+)/, list: "makima tasks list" },
  contract: { variable: "MAKIMA_CONTRACT_ID", page: /\/c\/([^/?#]+)/, list: "makima contracts list" },
} as const;

/** A full or short id, or the beginning of one; throws a usage error when there is none. */
export function whichId(kind: keyof typeof KINDS, typed: string | undefined, env: Env): string {
  const { variable, page, list } = KINDS[kind];
  const id = (typed ?? env[variable] ?? "").trim();
  if (id === "") throw usageError(`Which ${kind}? Give its id.`, list);
  if (!/^https?:\/\//i.test(id)) return id;
  const found = page.exec(id)?.[1];
  if (found === undefined) throw usageError(`${id} is not the address of a ${kind}'s page.`, list);
  return found;
}
