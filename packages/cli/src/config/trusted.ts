/**
 * Which commands of projects a person has confirmed.
 *
 * A makima.toml may come with a cloned repository, and its commands run in a shell on this machine. They count
 * only once a person has seen them; what is remembered is a hash of the file's place and the commands, so a
 * changed command is asked about again.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

export const COMMAND_KEYS: ReadonlySet<string> = new Set([
  "quality_gates.test_command",
  "quality_gates.lint_command",
]);

export interface ProjectCommands {
  file: string;
  commands: { key: string; command: string }[];
}

const trustFileSchema = z.record(z.string(), z.object({ file: z.string(), at: z.string() }));

function fingerprint({ file, commands }: ProjectCommands): string {
  const sorted = commands
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, command }) => [key, command]);
  return createHash("sha256")
    .update(JSON.stringify([realpathSync(file), sorted]))
    .digest("hex");
}

function readTrusted(trustFile: string): z.infer<typeof trustFileSchema> {
  try {
    const parsed = trustFileSchema.safeParse(JSON.parse(readFileSync(trustFile, "utf8")));
    return parsed.success ? parsed.data : {};
  } catch {
    // Missing or damaged: nothing is trusted, and the person is asked again.
    return {};
  }
}

export function isConfirmed(commands: ProjectCommands, trustFile: string): boolean {
  return Object.hasOwn(readTrusted(trustFile), fingerprint(commands));
}

export function rememberConfirmed(commands: ProjectCommands, trustFile: string, at: Date): void {
  const all = {
    ...readTrusted(trustFile),
    [fingerprint(commands)]: { file: commands.file, at: at.toISOString() },
  };
  mkdirSync(dirname(trustFile), { recursive: true, mode: 0o700 });
  const draft = `${trustFile}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, trustFile);
}
