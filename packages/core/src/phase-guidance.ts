/** What good work in each built-in phase looks like; read by supervisors in their prompt and by people. */
export const GUIDANCE = {
  research: `Find out before deciding anything. Read the code, its tests and its history; run what can be run; look
up what the goal depends on. Separate what you saw from what you suppose, and say how each thing could be checked.
Write research-notes.md: what exists today and where, what constrains the work (interfaces, data, users, deadlines),
which options there are with what speaks for and against each, and what is still open.
Ask the person what only a person can know, in as few questions as possible, each with choices.
Good notes let a reader who was not there decide; they do not decide themselves. No code is changed in this phase.`,

  specify: `Say what must be true when the work is done, and nothing about how. Write requirements.md: the goal in
a sentence; who is served; numbered requirements, each with acceptance criteria that somebody could check by running
something or looking at one thing; what is out of scope, in so many words; limits on speed, size, safety and
compatibility where they matter.
Replace words such as "fast", "simple" or "correct" by what would be measured or seen. Where two wishes are at
odds, ask the person which one gives way. Every requirement should trace back to the research or to the person.`,

  plan: `Cut the work into tasks that one agent can finish and prove alone: one concern, few files, a plan under
500 words. Write plan.md: for each task its name, what to do, the files it is about, the tasks it depends on, and
acceptance criteria with commands in backticks. Put what others build on first (schema before code, types before
their users, an interface before its page), and let tasks that run side by side touch different files.
Name the riskiest assumption and test it early with a small task. Say how the parts will be merged and what will be
run on the whole at the end. Where the design is not obvious, write architecture.md: parts, what each owns,
what passes between them, and what you decided against.
Read the code that the plan names: a plan that guesses at file names costs every task that follows it.`,

  execute: `Carry out the plan. Spawn each task with a plan that stands on its own: the worker has not read what you
have. Run side by side what does not depend on each other; wait for tasks instead of asking after them.
When a task ends, read its gate, its evidence and its diff before you build on it: checks that passed prove what they
ran, no more. If one fails, find out why before you retry: a sharper plan, a smaller task or a different order helps
more often than the same again. Merge early and in small steps, run the tests on the merged result, and keep the plan
up to date with what you learn.
Ask the person only what changes the result, with choices, and go on with what does not depend on the answer.
At the end everything is merged, the whole is checked, and the pull request says what changed, why, and how it was proven.`,

  review: `Look at the whole as somebody who will have to live with it. Compare the result with each requirement
and say for each: met and how it was shown, or not met and why. Run the full checks once more on the merged result.
Read the diff for what tests do not find: needless change, missing documentation, names that mislead, errors that are
swallowed. Have what must be mended mended by tasks of their own.
Write release-notes.md for the people who use this: what is new, what changed for them, what they have to do, what is
known not to work. If it is worth it, add retrospective.md: what cost time, which estimates were wrong, and
what the next contract in this code base should be told.`,
} as const;
