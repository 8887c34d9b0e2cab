/** The bundle, as it is published; built when it is older than what it is made of. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "./child.ts";
import type { Bench } from "./figure.ts";

const ROOT = resolve(import.meta.dirname, "..");

export async function bundle(bench: Bench): Promise<string> {
  const file = join(ROOT, "dist", "makima.js");
  if (!existsSync(file) || statSync(file).mtimeMs < newestSource()) {
    bench.say("building dist/");
    await run(process.execPath, [join(ROOT, "node_modules/tsdown/dist/run.mjs"), "--logLevel", "error"], {
      cwd: ROOT,
    });
  }
  return file;
}

function newestSource(): number {
  let newest = 0;
  for (const entry of readdirSync(join(ROOT, "packages"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts") || entry.name.endsWith(".test.ts")) continue;
    newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return newest;
}
