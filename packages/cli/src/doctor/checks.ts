/** Every check of `makima doctor`, in the order of its page. */
import { apiKey, claude } from "./agents.ts";
import type { Check } from "./check.ts";
import { gh, project } from "./folder.ts";
import { disk, git, keyFiles, node, root, sandbox } from "./machine.ts";
import { database, port, reachable, signedIn } from "./server.ts";

export const CHECKS: readonly Check[] = [
  node,
  git,
  disk,
  sandbox,
  root,
  keyFiles,
  reachable,
  signedIn,
  database,
  port,
  claude,
  apiKey,
  project,
  gh,
];

/** Those that `makima up` shows before it starts. */
export const START_CHECKS: readonly Check[] = [node, git, claude];
