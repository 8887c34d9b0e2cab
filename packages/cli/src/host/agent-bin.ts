/** A folder with `makima` in it, for the PATH of agents: so they call the very makima that started them. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export function writeAgentBin(stateDir: string): string {
  const folder = join(stateDir, "bin");
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const words = [process.execPath, ...process.execArgv, process.argv[1] ?? ""].map(shellWord);
  const file = join(folder, "makima");
  writeFileSync(file, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  chmodSync(file, 0o755);
  return folder;
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
