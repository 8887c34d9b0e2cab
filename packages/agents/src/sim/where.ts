/**
 * Where the simulated agent's files stand: its program, its scenarios, and the demo's throw-away repository.
 *
 * In the source tree they stand beside this file. In a bundle this file's text ends up inside another one, so
 * the places looked at are, in this order: `base` as given, `MAKIMA_SIM_BASE`, the folder of the running file,
 * and `sim/` beside or above it. A build therefore keeps `main.js`, `scenarios/` and `demo-repo/` together in
 * one folder called `sim` next to its output (`dist/sim/…`), or names the folder.
 */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export interface SimulatedAgent {
  /** The program: run it with `process.execPath` and claude's own flags. */
  readonly main: string;
  /** Folder of the built-in scenarios, one YAML file each. */
  readonly scenarios: string;
  /** Files of the demo's repository; its tests fail as shipped. Copy them, then `git init`. */
  readonly demoRepository: string;
}

export interface WhereOptions {
  /** Folder that holds `main`, `scenarios/` and `demo-repo/`, where the caller knows it. */
  readonly base?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Absolute paths of the simulated agent's files. Throws when none of the known places has them. */
export function simulatedAgent({ base, env = process.env }: WhereOptions = {}): SimulatedAgent {
  const here = dirname(fileURLToPath(import.meta.url));
  const places = [base, env["MAKIMA_SIM_BASE"], here, join(here, "sim"), join(here, "..", "sim")];
  for (const place of places) {
    if (!place) continue;
    const main = ["main.ts", "main.js", "main.mjs"].map((name) => resolve(place, name)).find(existsSync);
    const scenarios = resolve(place, "scenarios");
    if (main && existsSync(scenarios)) {
      return { main, scenarios, demoRepository: resolve(place, "demo-repo") };
    }
  }
  throw new Error(
    `The simulated agent's files are not beside ${here}. Set MAKIMA_SIM_BASE to the folder that holds its main file and scenarios.`,
  );
}

/** Names that `MAKIMA_SIM_SCRIPT` takes beside a path, in alphabetical order. */
export function scenarioNames(options: WhereOptions = {}): string[] {
  return readdirSync(simulatedAgent(options).scenarios)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}
