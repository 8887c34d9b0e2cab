/**
 * Tokens that a login from afar gave: the agent prints one and keeps nothing, so the daemon keeps it, readable to
 * its user only, and passes it to the agents that it starts.
 */
import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const fileSchema = z.record(z.string(), z.string());

/** The variable in which each agent takes its token. */
const VARIABLES: Record<string, string> = { claude: "CLAUDE_CODE_OAUTH_TOKEN" };

export class Credentials {
  readonly #path: string;
  #tokens: Record<string, string>;

  constructor(stateDir: string) {
    this.#path = join(stateDir, "credentials.json");
    this.#tokens = readTokens(this.#path);
  }

  /** Variables for an agent's environment; none where nothing is kept. */
  environment(agent: string): Record<string, string> {
    const name = VARIABLES[agent];
    const token = this.#tokens[agent];
    return name !== undefined && token !== undefined ? { [name]: token } : {};
  }

  async keep(agent: string, token: string): Promise<void> {
    this.#tokens = { ...this.#tokens, [agent]: token };
    await writeFile(`${this.#path}.new`, JSON.stringify(this.#tokens), { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
  }
}

/** A file that is missing or damaged holds no tokens: the person signs in again. */
function readTokens(path: string): Record<string, string> {
  try {
    const parsed = fileSchema.safeParse(JSON.parse(readFileSync(path, "utf8")));
    return parsed.success ? parsed.data : {};
  } catch {
    return {};
  }
}
