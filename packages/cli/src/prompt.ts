/** Questions to a person; asked only where stdin and stderr are terminals. */

/** The person's answer, or that nobody can be asked: then the caller names the flag that answers. */
export async function confirm(
  question: string,
  options: { initial?: boolean } = {},
): Promise<boolean | "cannot ask"> {
  if (!canAsk()) return "cannot ask";
  const prompts = await import("@clack/prompts");
  const answer = await prompts.confirm({
    message: question,
    initialValue: options.initial ?? false,
    output: process.stderr,
  });
  return answer === true;
}

export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true && !process.env["CI"];
}
