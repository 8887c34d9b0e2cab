/** Type-checks every room with its own fence of globals, a few at a time. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

const projects = [
  ...readdirSync("packages").flatMap((room) => [
    `packages/${room}/tsconfig.json`,
    `packages/${room}/tsconfig.test.json`,
  ]),
  "tsconfig.json",
].filter((path) => existsSync(path));

function check(project: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn("node_modules/.bin/tsc", ["-p", project, "--pretty", "false"], { stdio: "inherit" });
    child.on("close", (code) => resolve(code === 0));
  });
}

const waiting = [...projects];
let red = 0;
async function worker(): Promise<void> {
  for (let project = waiting.shift(); project !== undefined; project = waiting.shift()) {
    if (!(await check(project))) red += 1;
  }
}
await Promise.all([worker(), worker()]);
console.log(`types: ${projects.length} projects looked at, ${red} with errors`);
process.exitCode = red === 0 && projects.length > 0 ? 0 : 1;
