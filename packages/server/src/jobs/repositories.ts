/** Repositories of a contract: which are accepted, and how they are stored. */
import { basename, isAbsolute, posix, win32 } from "node:path";
import type { z } from "zod";
import type { ContractType } from "@makima/core/contract-type";
import { isBranchName } from "@makima/core/slug";
import type { repositoryInput } from "@makima/protocol/api/contracts";
import type { FieldError } from "@makima/protocol/problem";
import type { Selectable } from "kysely";
import { newId } from "../store/ids.ts";
import type { RepositoryTable } from "../store/work-tables.ts";

export type RepositoryInput = z.output<typeof repositoryInput>;
type NewRepository = Omit<Selectable<RepositoryTable>, "contract_id" | "owner_id">;

/** The rows for `inputs`, or what is wrong with them. The first is primary unless another one says so. */
export function takeRepositories(
  inputs: readonly RepositoryInput[],
  type: ContractType,
): { rows: NewRepository[]; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const wrong = (index: number, field: string, message: string): void => {
    errors.push({ pointer: `/repositories/${index}/${field}`, message });
  };
  const primaries = inputs.filter((input) => input.isPrimary);
  if (primaries.length > 1) errors.push({ pointer: "/repositories", message: "only one may be primary" });
  const first = type.phases[0];
  if (inputs.length === 0 && (first?.requiresRepository ?? false)) {
    errors.push({ pointer: "/repositories", message: `type ${type.name} needs a repository` });
  }
  const primary = primaries[0] ?? inputs[0];
  const rows = inputs.map((input, position): NewRepository => {
    if (input.kind === "local") checkLocal(input, (field, message) => wrong(position, field, message));
    if (input.kind === "remote") {
      const problem = urlProblem(input.url);
      if (problem) wrong(position, "url", problem);
    }
    if (input.baseBranch !== undefined && !isBranchName(input.baseBranch)) {
      wrong(position, "baseBranch", "is not a branch name that git accepts");
    }
    return {
      id: newId(),
      position,
      name: input.name ?? nameOf(input),
      kind: input.kind,
      path: input.kind === "local" ? (input.path ?? null) : null,
      url: input.kind === "remote" ? (input.url ?? null) : null,
      host_id: input.kind === "local" ? (input.hostId ?? null) : null,
      base_branch: input.baseBranch ?? null,
      is_primary: input === primary,
    };
  });
  return { rows, errors };
}

function checkLocal(input: RepositoryInput, wrong: (field: string, message: string) => void): void {
  if (input.path === undefined) wrong("path", "a local repository needs the path of its top folder");
  else if (!isAbsolute(input.path) && !win32.isAbsolute(input.path))
    wrong("path", "must be an absolute path");
  else if (input.path.includes("\0")) wrong("path", "must not have NUL in it");
  if (!input.hostId)
    wrong("hostId", "a local repository needs the machine that has it (see `makima status`)");
}

/** https and ssh, also as `user@host:path`. Files are for daemons that are configured for them to refuse or take. */
function urlProblem(url: string | undefined): string | undefined {
  if (url === undefined) return "a remote repository needs an address";
  if (/[\s\0]/.test(url)) return "must not have spaces in it";
  if (url.startsWith("-")) return "must not begin with a hyphen";
  if (/^[\w.-]+@[\w][\w.-]*:(?!\/\/)[^-].*$/.test(url)) return undefined;
  const parsed = URL.parse(url);
  if (!parsed || !["https:", "ssh:", "file:"].includes(parsed.protocol))
    return "must be an https or ssh address";
  if (parsed.hostname.startsWith("-")) return "must not have a host that begins with a hyphen";
  return undefined;
}

function nameOf(input: RepositoryInput): string {
  if (input.kind === "local") return basename(input.path ?? "") || "repository";
  if (input.kind === "managed") return "repository";
  return posix.basename(input.url ?? "").replace(/\.git$/, "") || "repository";
}
