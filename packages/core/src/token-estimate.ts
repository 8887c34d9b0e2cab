/**
 * How many tokens a text is, about.
 *
 * Four characters a token is what English and code come to; what is not ASCII costs a token or so a
 * character. It serves for limits and warnings; what is paid for is counted from the agent's own figures.
 */
export function estimateTokens(text: string): number {
  let quarters = 0;
  for (let at = 0; at < text.length; at += 1) quarters += text.charCodeAt(at) < 128 ? 1 : 3;
  return Math.ceil(quarters / 4);
}
