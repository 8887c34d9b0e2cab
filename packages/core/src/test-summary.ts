/**
 * How many tests passed and failed, read from what a test runner printed.
 *
 * The exit code decides whether tests passed; the counts are for people, for the series of metrics, and for
 * noticing that there are fewer tests than there were. Each runner has a reader; the first that finds its
 * own summary answers. Only the end of an output is looked at: that is where summaries stand. Runners that
 * print one summary per package (cargo, go, gradle, Maven) are added up.
 */

export interface TestSummary {
  passed: number;
  failed: number;
  skipped: number;
}

const LOOKED_AT = 1_000_000;
const ESCAPE = String.fromCharCode(27);
const COLOUR = new RegExp(`${ESCAPE}\\[[0-9;]*m`, "g");

type Reader = (lines: readonly string[]) => TestSummary | undefined;

/** The counts in `output`, or undefined if no known runner's summary is in it. Linear in its length. */
export function testSummary(output: string): TestSummary | undefined {
  const lines = output.slice(-LOOKED_AT).replace(COLOUR, "").split(/\r?\n/).filter(isShort);
  for (const read of READERS) {
    const summary = read(lines);
    if (summary) return summary;
  }
  return undefined;
}

/** No runner's summary line is long; what is longer would only cost time. */
function isShort(line: string): boolean {
  return line.length <= 400;
}

/** node:test: `# pass 3` in TAP, `ℹ pass 3` in the spec reporter. */
const nodeTest: Reader = (lines) => {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const found = /^(?:#|ℹ) (tests|pass|fail|skipped|todo|cancelled) (\d+)$/.exec(line);
    if (found?.[1]) counts.set(found[1], Number(found[2]));
  }
  const of = (name: string): number => counts.get(name) ?? 0;
  if (!counts.has("pass") || !counts.has("fail")) return undefined;
  return { passed: of("pass"), failed: of("fail") + of("cancelled"), skipped: of("skipped") + of("todo") };
};

/** jest `Tests: 1 failed, 2 passed, 3 total`; vitest `Tests  1 failed | 2 passed (3)`. */
const jestVitest: Reader = (lines) => lastOf(lines, /^\s*Tests:?\s+\d+ \w/, words);

/** pytest: `== 1 failed, 2 passed, 1 skipped in 0.12s ==`, with or without its rule. */
const pytest: Reader = (lines) =>
  lastOf(
    lines,
    /^=*\s*(?:no tests ran|\d+ (?:passed|failed|errors?|skipped|deselected|xfailed|xpassed)\b.*) in [\d.]+s/,
    words,
  );

/** cargo test: `test result: ok. 5 passed; 0 failed; 1 ignored; …`, one a crate. */
const cargo: Reader = (lines) => fold(lines, /^test result: \w+\. \d+ passed.*$/, ([line]) => words(line));

/** go test -v: `--- PASS: TestX`; without -v only packages are told: `ok  pkg 0.1s`, `FAIL pkg 0.1s`. */
const go: Reader = (lines) => {
  const tests = tally(lines, /^--- (PASS|FAIL|SKIP): /);
  if (tests) return tests;
  return tally(lines, /^(ok|FAIL)\s+[\w./-]+\s+(?:\d|\(cached\)|\[build failed\])/);
};

/** Maven `Tests run: 5, Failures: 1, Errors: 0, Skipped: 1` without a time: the totals of its modules. */
const maven: Reader = (lines) => {
  const line = /^(?:\[\w+\] )?Tests run: (\d+), Failures: (\d+), Errors: (\d+)(?:, Skipped: (\d+))?\s*$/;
  return fold(lines, line, ([, run, failures, errors, skipped]) => {
    const failed = Number(failures) + Number(errors);
    return { passed: Number(run) - failed - Number(skipped ?? 0), failed, skipped: Number(skipped ?? 0) };
  });
};

/** Gradle: `5 tests completed, 1 failed, 1 skipped`, printed only where something failed. */
const gradle: Reader = (lines) =>
  fold(
    lines,
    /^(\d+) tests? completed(?:, (\d+) failed)?(?:, (\d+) skipped)?/,
    ([, all, failed, skipped]) => ({
      passed: Number(all) - Number(failed ?? 0) - Number(skipped ?? 0),
      failed: Number(failed ?? 0),
      skipped: Number(skipped ?? 0),
    }),
  );

/** rspec: `5 examples, 1 failure, 1 pending`. */
const rspec: Reader = (lines) => {
  const line = /^(\d+) examples?, (\d+) failures?(?:, (\d+) pending)?/;
  return fold(lines.slice(-200), line, ([, all, failed, pending]) => ({
    passed: Number(all) - Number(failed) - Number(pending ?? 0),
    failed: Number(failed),
    skipped: Number(pending ?? 0),
  }));
};

/** mocha: `5 passing (12ms)`, then `1 failing` and `1 pending` on lines of their own. */
const mocha: Reader = (lines) => {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const found = /^\s+(\d+) (passing|failing|pending)\b/.exec(line);
    if (found?.[2]) counts.set(found[2], Number(found[1]));
  }
  if (!counts.has("passing")) return undefined;
  const of = (name: string): number => counts.get(name) ?? 0;
  return { passed: of("passing"), failed: of("failing"), skipped: of("pending") };
};

const READERS: readonly Reader[] = [nodeTest, cargo, jestVitest, pytest, maven, gradle, rspec, mocha, go];

/** `1 failed, 2 passed, 1 skipped` in any order and with any marks between. */
function words(line: string): TestSummary {
  const summary: TestSummary = { passed: 0, failed: 0, skipped: 0 };
  for (const [, count, word] of line.matchAll(
    /(\d+) (passed|xpassed|failed|errors?|skipped|ignored|todo|pending|xfailed)\b/g,
  )) {
    if (word === "passed" || word === "xpassed") summary.passed += Number(count);
    else if (word === "failed" || word?.startsWith("error")) summary.failed += Number(count);
    else summary.skipped += Number(count);
  }
  return summary;
}

function lastOf(
  lines: readonly string[],
  pattern: RegExp,
  read: (line: string) => TestSummary,
): TestSummary | undefined {
  const line = lines.findLast((candidate) => pattern.test(candidate));
  return line === undefined ? undefined : read(line);
}

function fold(
  lines: readonly string[],
  pattern: RegExp,
  read: (found: RegExpExecArray) => TestSummary,
): TestSummary | undefined {
  const summaries = lines.flatMap((line) => {
    const found = pattern.exec(line);
    return found ? [read(found)] : [];
  });
  return add(summaries);
}

function tally(lines: readonly string[], pattern: RegExp): TestSummary | undefined {
  return fold(lines, pattern, ([, word]) => ({
    passed: word === "PASS" || word === "ok" ? 1 : 0,
    failed: word === "FAIL" ? 1 : 0,
    skipped: word === "SKIP" ? 1 : 0,
  }));
}

function add(summaries: readonly TestSummary[]): TestSummary | undefined {
  if (summaries.length === 0) return undefined;
  return summaries.reduce((sum, each) => ({
    passed: sum.passed + each.passed,
    failed: sum.failed + each.failed,
    skipped: sum.skipped + each.skipped,
  }));
}
