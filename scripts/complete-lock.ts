/**
 * Adds to package-lock.json the optional packages of other platforms that a registry mirror did not serve when
 * the lock was written. `npm ci` refuses a lock that lacks them, on every platform.
 *
 * Run it after adding or updating a dependency: `node scripts/complete-lock.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Entry {
  version?: string;
  dev?: boolean;
  optionalDependencies?: Record<string, string>;
  [key: string]: unknown;
}

const PLATFORMS = [
  "win32",
  "darwin",
  "linux",
  "freebsd",
  "android",
  "openharmony",
  "aix",
  "sunos",
  "netbsd",
  "openbsd",
];
const PROCESSORS = ["arm64", "x64", "ia32", "ppc64", "riscv64", "s390x", "arm", "loong64", "mips64el"];
const FILE = join(import.meta.dirname, "..", "package-lock.json");

const lock = JSON.parse(readFileSync(FILE, "utf8")) as { packages: Record<string, Entry> };
let added = 0;
for (const [path, entry] of Object.entries({ ...lock.packages })) {
  if (path === "" || path.startsWith("packages/")) continue;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const there = lock.packages[`node_modules/${name}`] ?? lock.packages[`${path}/node_modules/${name}`];
    const os = PLATFORMS.find((word) => name.includes(word));
    if (there || os === undefined) continue;
    const cpu = PROCESSORS.find((word) => name.includes(word));
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[\^~]/, ""),
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(entry.dev ? { dev: true } : {}),
      ...(name.includes("musl") ? { libc: ["musl"] } : name.includes("gnu") ? { libc: ["glibc"] } : {}),
      optional: true,
      os: [os],
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`lock: ${added} packages of other platforms added`);
