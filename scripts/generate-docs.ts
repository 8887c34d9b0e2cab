/** Writes the reference pages that are made from code; with `--check`, only says whether they are current. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { configReference } from "../packages/cli/src/config/reference.ts";
import { errorPages } from "./error-pages.ts";

const pages: Record<string, () => string> = {
  "docs/config.md": configReference,
  ...errorPages(),
};

const check = process.argv.includes("--check");
let stale = 0;
for (const [file, make] of Object.entries(pages)) {
  const text = make();
  if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
  stale += 1;
  if (!check) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  console.log(check ? `${file} is not current; run: node scripts/generate-docs.ts` : `${file} written`);
}
console.log(
  `docs: ${Object.keys(pages).length} pages looked at, ${stale} ${check ? "not current" : "written"}`,
);
process.exitCode = check && stale > 0 ? 1 : 0;
