/**
 * Which command runs a repository's tests, lint and type check, where nobody named one.
 *
 * Looked for in the order in which projects of several kinds are usually driven: a package.json script, then
 * the build tool of the language, then make. What is found is a shell command; nothing is run here.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

export interface FoundCommands {
  tests?: string;
  lint?: string;
  typecheck?: string;
}

/** npm's own placeholder, which is no test. */
const NO_TEST = /no test specified/;
/** Larger files are no manifests. */
const MAX_BYTES = 1024 * 1024;

/** Commands found in the top folder `root`. */
export async function detectCommands(root: string): Promise<FoundCommands> {
  const found: FoundCommands = {};
  for (const look of [fromPackageJson, fromCargo, fromGo, fromPython, fromJvm, fromMake]) {
    const here = await look(root);
    found.tests ??= here.tests;
    found.lint ??= here.lint;
    found.typecheck ??= here.typecheck;
  }
  return JSON.parse(JSON.stringify(found)) as FoundCommands;
}

async function fromPackageJson(root: string): Promise<FoundCommands> {
  const text = await readSmall(join(root, "package.json"));
  if (text === undefined) return {};
  const scripts = scriptsOf(text);
  const runner = await packageRunner(root);
  const found: FoundCommands = {};
  if (scripts.test && !NO_TEST.test(scripts.test)) found.tests = `${runner} test`;
  if (scripts.lint) found.lint = `${runner} run lint`;
  for (const name of ["typecheck", "type-check", "types"]) {
    if (scripts[name]) found.typecheck ??= `${runner} run ${name}`;
  }
  if (!found.typecheck && (await exists(join(root, "tsconfig.json")))) {
    found.typecheck = "npx --no-install tsc --noEmit";
  }
  return found;
}

/** The scripts of a package.json; none where it does not parse. */
export function scriptsOf(packageJson: string): Record<string, string> {
  try {
    const parsed = JSON.parse(packageJson) as { scripts?: Record<string, unknown> } | null;
    const entries = Object.entries(parsed?.scripts ?? {});
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    return {};
  }
}

async function packageRunner(root: string): Promise<string> {
  if (await exists(join(root, "pnpm-lock.yaml"))) return "pnpm";
  if (await exists(join(root, "yarn.lock"))) return "yarn";
  if ((await exists(join(root, "bun.lockb"))) || (await exists(join(root, "bun.lock")))) return "bun run";
  return "npm";
}

async function fromCargo(root: string): Promise<FoundCommands> {
  if (!(await exists(join(root, "Cargo.toml")))) return {};
  return { tests: "cargo test", lint: "cargo clippy -- -D warnings", typecheck: "cargo check" };
}

async function fromGo(root: string): Promise<FoundCommands> {
  if (!(await exists(join(root, "go.mod")))) return {};
  return { tests: "go test ./...", lint: "go vet ./...", typecheck: "go build ./..." };
}

async function fromPython(root: string): Promise<FoundCommands> {
  const settings = (await readSmall(join(root, "pyproject.toml"))) ?? "";
  const configured =
    /\[tool\.pytest|\bpytest\b/.test(settings) ||
    (await exists(join(root, "pytest.ini"))) ||
    (await exists(join(root, "conftest.py"))) ||
    (await exists(join(root, "tests", "conftest.py"))) ||
    /\[(tool:)?pytest\]/.test((await readSmall(join(root, "setup.cfg"))) ?? "");
  const found: FoundCommands = {};
  if (configured) found.tests = "python3 -m pytest";
  if (/\[tool\.ruff/.test(settings) || (await exists(join(root, "ruff.toml")))) found.lint = "ruff check .";
  if (/\[tool\.mypy/.test(settings) || (await exists(join(root, "mypy.ini")))) found.typecheck = "mypy .";
  return found;
}

async function fromJvm(root: string): Promise<FoundCommands> {
  if (await exists(join(root, "pom.xml"))) {
    const mvn = (await exists(join(root, "mvnw"))) ? "./mvnw" : "mvn";
    return { tests: `${mvn} -q test`, typecheck: `${mvn} -q compile` };
  }
  if ((await exists(join(root, "build.gradle"))) || (await exists(join(root, "build.gradle.kts")))) {
    return { tests: (await exists(join(root, "gradlew"))) ? "./gradlew test" : "gradle test" };
  }
  return {};
}

async function fromMake(root: string): Promise<FoundCommands> {
  const text = (await readSmall(join(root, "Makefile"))) ?? (await readSmall(join(root, "makefile"))) ?? "";
  const found: FoundCommands = {};
  if (/^test\s*:(?!=)/m.test(text)) found.tests = "make test";
  if (/^lint\s*:(?!=)/m.test(text)) found.lint = "make lint";
  return found;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function readSmall(path: string): Promise<string | undefined> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts?.isFile() || facts.size > MAX_BYTES) return undefined;
  return await readFile(path, "utf8").catch(() => undefined);
}
