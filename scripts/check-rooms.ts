/**
 * The one-direction rule: a room imports only the rooms and packages that its package.json lists, and
 * reaches a sibling only by its name. Says how many imports it looked at, so that a green run is seen to
 * have looked at something.
 */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s+["']([^"']+)["']|import\(\s*["']([^"']+)["']|(?:^|\n)\s*import\s+["']([^"']+)["']/g;
const rootDev = Object.keys(JSON.parse(readFileSync("package.json", "utf8")).devDependencies ?? {});
const problems: string[] = [];
let looked = 0;

for (const room of readdirSync("packages")) {
  const home = join("packages", room);
  const manifest = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  const dev = [...rootDev, ...Object.keys(manifest.devDependencies ?? {})];
  const allowed = new Set([
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.optionalDependencies ?? {}),
  ]);
  for (const entry of readdirSync(join(home, "src"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    const isTest = entry.name.endsWith(".test.ts") || file.includes("/testing/");
    for (const found of readFileSync(file, "utf8").matchAll(IMPORT)) {
      looked += 1;
      const target = found[1] ?? found[2] ?? found[3] ?? "";
      const why = refuse(room, home, file, target, allowed, isTest ? dev : undefined);
      if (why) problems.push(`${file}: ${target} — ${why}`);
    }
  }
}

function refuse(
  room: string,
  home: string,
  file: string,
  target: string,
  allowed: Set<string>,
  /** What tests may import as well; undefined where the file is none. */
  dev: readonly string[] | undefined,
) {
  const isTest = dev !== undefined;
  if (target.startsWith(".")) {
    const inside = relative(resolve(home, "src"), resolve(dirname(file), target));
    return inside.startsWith("..") ? "leaves its room by path; import the room by name" : undefined;
  }
  if (target.startsWith("node:") || builtinModules.includes(target)) {
    if (room === "core" && !isTest) return "core is pure and imports nothing of Node";
    if (room === "protocol" && !isTest) return "protocol runs in browsers too and imports nothing of Node";
    return undefined;
  }
  const name = target.startsWith("@")
    ? target.split("/").slice(0, 2).join("/")
    : (target.split("/")[0] ?? target);
  if (allowed.has(name)) return undefined;
  if (dev?.includes(name)) return undefined;
  return `package.json of ${room} does not list it`;
}

for (const problem of problems) console.error(problem);
console.log(`rooms: ${looked} imports looked at, ${problems.length} that look the wrong way`);
process.exitCode = problems.length === 0 && looked > 0 ? 0 : 1;
