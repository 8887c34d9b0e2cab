/** Keeps the end of a text that may be of any length. */
export interface OutputTail {
  push(text: string): void;
  /** The last characters, at most as many as allowed; begins with a marker when something was left out. */
  text(): string;
}

export function createTail(maxCharacters: number): OutputTail {
  let kept = "";
  let dropped = 0;
  const trim = (to: number) => {
    if (kept.length <= to) return;
    dropped += kept.length - to;
    kept = kept.slice(-to);
  };
  return {
    push(text) {
      kept += text;
      // Trimmed only now and then, so that many small pieces stay cheap.
      if (kept.length > maxCharacters * 2) trim(maxCharacters);
    },
    text() {
      trim(maxCharacters);
      return dropped === 0 ? kept : `… (${dropped} characters before this)\n${kept}`;
    },
  };
}
