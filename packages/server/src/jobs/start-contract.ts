/** Starts a contract that was created without: its tasks may be placed from now on. */
import type { ContractView } from "@makima/protocol/api/contracts";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { changeContract, holdContract, refusedContractStep } from "./change-contract.ts";
import { findContract } from "./find.ts";
import { contractById } from "./show-contract.ts";
import { transact } from "./transact.ts";

/** INVALID_TRANSITION when it was started before. */
export async function startContract(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<ContractView>> {
  const found = await findContract(deps, caller, id);
  if (!found.ok) return found;
  const started = await transact(deps, async (work): Promise<Outcome<{ id: string }>> => {
    const held = await holdContract(work, found.value);
    if (held.row.status !== "created") {
      const detail = `Contract ${held.row.short_id} is ${held.row.status}: only a created one is started.`;
      return refused("INVALID_TRANSITION", detail, {
        details: { from: held.row.status, to: "active", allowed: [] },
      });
    }
    const step = changeContract(work, held, "active");
    return step.ok ? done({ id: found.value }) : refusedContractStep(step, held.row);
  });
  return started.ok ? contractById(deps, started.value.id) : started;
}
