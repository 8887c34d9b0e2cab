/** Checks of the folder that the command runs in. */
import type { Check } from "./check.ts";
import { findProgram, versionIn } from "./probe-program.ts";

export const project: Check = {
  id: "project-file",
  group: "This folder",
  title: "makima.toml",
  probe({ context }) {
    const { projectFile, unconfirmed } = context.loaded;
    if (projectFile === undefined) return { state: "info", detail: "none; makima init writes one" };
    if (!unconfirmed) return { state: "ok", detail: projectFile };
    return {
      state: "warning",
      detail: `${projectFile} names commands that no person has confirmed`,
      fix: ["look at them, then: makima run --trust-project …"],
    };
  },
};

export const gh: Check = {
  id: "gh",
  group: "This folder",
  title: "gh",
  async probe({ context }, signal) {
    const program = await findProgram("gh", context.env, context.cwd);
    if (!program) return { state: "info", detail: "not found (needed for --action pr only)" };
    const version = versionIn((await program.ask(["--version"], signal)).stdout) ?? "";
    const status = await program.ask(["auth", "status"], signal);
    return {
      state: status.code === 0 ? "ok" : "info",
      detail: `${version}${status.code === 0 ? "" : ", signed out (gh auth login)"}`,
    };
  },
};
