import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { ageWords, countWords, cut, durationWords, moneyWords, plural, shellWord } from "./words.ts";
import { sanitize } from "./terminal.ts";

test("durations are short and never show sixty of anything", () => {
  const table: [number, string][] = [
    [-5, "0.0s"],
    [412, "0.4s"],
    [18_400, "18.4s"],
    [59_940, "59.9s"],
    [59_960, "1m 0s"],
    [192_000, "3m 12s"],
    [3_599_600, "1h 0m"],
    [3_900_000, "1h 5m"],
  ];
  for (const [ms, words] of table) assert.equal(durationWords(ms), words);
});

test("ages have one unit", () => {
  const table: [number, string][] = [
    [-1, "0s"],
    [8_000, "8s"],
    [660_000, "11m"],
    [3_700_000, "1h"],
    [3 * 86_400_000, "3d"],
  ];
  for (const [ms, words] of table) assert.equal(ageWords(ms), words);
});

test("money that is not nothing does not look like nothing", () => {
  assert.equal(moneyWords(0), "$0.00");
  assert.equal(moneyWords(0.001), "<$0.01");
  assert.equal(moneyWords(4.2), "$4.20");
});

test("counts are rounded to what one reads", () => {
  const table: [number, string][] = [
    [812, "812"],
    [1_900, "1.9k"],
    [340_000, "340k"],
    [999_600, "1.0M"],
    [1_900_000, "1.9M"],
  ];
  for (const [n, words] of table) assert.equal(countWords(n), words);
  assert.equal(plural(1, "file"), "1 file");
  assert.equal(plural(2, "entry", "entries"), "2 entries");
});

test("a word for a shell is quoted where a shell would read more into it", () => {
  assert.equal(shellWord("makima/fix-t-1a"), "makima/fix-t-1a");
  assert.equal(shellWord("my repo"), "'my repo'");
  assert.equal(shellWord("it's; rm -rf $HOME"), `'it'\\''s; rm -rf $HOME'`);
  assert.equal(shellWord(""), "''");
});

test("whatever a name holds, the shell reads it as it is and a terminal sees nothing but text", () => {
  const words = ["a\nb", "it's\\ \u001b[2J", "x\u202ey\u2028", "\u0001", "tab\t", "-n", "🐙 $(id)"];
  const { stdout } = spawnSync("bash", ["-c", `printf '%s\\0' ${words.map(shellWord).join(" ")}`], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8" },
  });
  assert.deepEqual(stdout.split("\0").slice(0, -1), words);
  for (const word of words) assert.equal(sanitize(shellWord(word)), shellWord(word));
});

test("a cut text has at most the width asked for and no half character", () => {
  assert.equal(cut("short", 10), "short");
  assert.equal(cut("exactly ten", 5), "exac…");
  assert.equal(cut("🐙🐙🐙", 3), "🐙🐙🐙");
  assert.equal(cut("🐙🐙🐙🐙", 3), "🐙🐙…");
});
