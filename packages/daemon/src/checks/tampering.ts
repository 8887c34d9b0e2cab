/**
 * What was done to the proof itself: tests deleted, skipped or thinned out between the base commit and the
 * one that is checked. Read from a patch, so it sees declarations, not meaning: it tells a person where to
 * look, and is a reason not to accept only where tests are required.
 */

/** Files that hold tests, by the habits of many languages. */
const TEST_FILE =
  /(^|\/)(tests?|__tests__|spec|specs)\/|(^|\/)(test_[^/]*|conftest)\.py$|[._-](test|spec|tests)\.[a-z]+$|(^|\/)[^/]*_test\.(go|py|rb|rs|exs?)$|Tests?\.(java|kt|cs|swift)$/;

const SKIP =
  /\b(?:it|test|describe|suite|context)\.(?:skip|todo)\b|\b(?:xit|xdescribe|xtest)\s*\(|@(?:pytest\.mark\.)?(?:skip|skipif|xfail|Ignore|Disabled)\b|\bt\.Skip(?:Now|f)?\(|#\[ignore|\bskip:\s*(?:true|["'])/;

const DECLARATION =
  /(?:^|[\s;])(?:it|test)(?:\.each\b.*)?\s*\(\s*["'`]|^\s*(?:async\s+)?def\s+test\w*\s*\(|^\s*func\s+Test\w+\s*\(|^\s*#\[(?:\w+::)?test\]|^\s*@Test\b/;

export function isTestFile(path: string): boolean {
  return TEST_FILE.test(path);
}

interface FileTally {
  path: string;
  deleted: boolean;
  isNew: boolean;
  skipsAdded: number;
  declarations: number;
}

/** Sentences on what `patch` (unified, `git diff` style) does to tests; none when nothing is suspicious. */
export function tamperingIn(patch: string): string[] {
  const remarks: string[] = [];
  let net = 0;
  for (const file of tallies(patch)) {
    net += file.declarations;
    if (file.deleted) remarks.push(`deleted ${file.path}`);
    if (file.skipsAdded > 0) {
      remarks.push(`${file.skipsAdded} ${file.skipsAdded === 1 ? "test" : "tests"} skipped in ${file.path}`);
    }
  }
  if (net < 0) remarks.push(`${-net} ${net === -1 ? "test" : "tests"} fewer than at the base commit`);
  return remarks;
}

function tallies(patch: string): FileTally[] {
  const files: FileTally[] = [];
  let current: FileTally | undefined;
  for (const line of patch.split("\n")) {
    if (line.startsWith("diff --git ")) {
      const path = pathOf(line);
      current = isTestFile(path)
        ? { path, deleted: false, isNew: false, skipsAdded: 0, declarations: 0 }
        : undefined;
      if (current) files.push(current);
    } else if (!current || line.startsWith("+++") || line.startsWith("---")) {
      continue;
    } else if (line.startsWith("deleted file mode")) {
      current.deleted = true;
    } else if (line.startsWith("new file mode")) {
      current.isNew = true;
    } else if (line.startsWith("+")) {
      if (SKIP.test(line)) current.skipsAdded += 1;
      if (DECLARATION.test(line.slice(1))) current.declarations += 1;
    } else if (line.startsWith("-")) {
      if (SKIP.test(line)) current.skipsAdded -= 1;
      if (DECLARATION.test(line.slice(1))) current.declarations -= 1;
    }
  }
  return files;
}

/** The new path of a `diff --git a/x b/x` line; names that git quotes are taken as they stand. */
function pathOf(line: string): string {
  const at = line.lastIndexOf(" b/");
  return at < 0 ? line.slice("diff --git ".length) : line.slice(at + 3).replace(/"$/, "");
}
