/** The simulated agent's own settings, which claude has not: they come by environment, never by flag. */
import { homedir } from "node:os";
import { join } from "node:path";

export interface Settings {
  /** A path, or the name of a built-in scenario. */
  readonly script: string;
  /** Every delay of the script is divided by this. Commands that the script runs take what they take. */
  readonly speed: number;
  /** Folder of sessions and of the simulated login. */
  readonly home: string;
}

/** Settings from the environment, or a sentence that says which variable is wrong. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings | string {
  const given = env["MAKIMA_SIM_SPEED"] || "1";
  const speed = Number(given);
  if (!(speed > 0)) return `MAKIMA_SIM_SPEED is "${given}"; give a number above 0, such as 20.`;
  return {
    script: env["MAKIMA_SIM_SCRIPT"] || "default",
    speed,
    home: env["MAKIMA_SIM_HOME"] || join(homedir(), ".makima", "sim-sessions"),
  };
}
