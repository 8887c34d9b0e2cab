/** What a figure is given, and what it answers with. */

export interface Bench {
  /** Smaller and shorter, with the same shape. */
  quick: boolean;
  /** Empty folder of this figure; removed after it. */
  folder: string;
  /** Ended in reverse order when the figure is over, however it ended. */
  stack: AsyncDisposableStack;
  /** Takes rows as they are measured, so that they count even if a later one fails. */
  row(...rows: Row[]): void;
  /** Tells a person who waits what is going on. */
  say(text: string): void;
}

export interface Row {
  what: string;
  unit: "ms" | "/s" | "MB";
  /** One value of each block. */
  makima: number[];
  /** One value of each block; none where the goal is absolute. */
  reference?: number[];
  /** What the reference is, in a few words. */
  against?: string;
  /** Left out for rows that only inform. */
  goal?: Goal;
  /** Facts of this row that a reader needs. */
  note?: string;
}

export interface Goal {
  text: string;
  /** Given the medians; `reference` is NaN where there is none. */
  met(makima: number, reference: number): boolean;
}

export interface Figure {
  title: string;
  measure(bench: Bench): Promise<void>;
}

export const atMost = (times: number, plusMs = 0): Goal => ({
  text: `≤ ${times}×${plusMs === 0 ? "" : ` + ${plusMs} ms`}`,
  met: (makima, reference) => makima <= reference * times + plusMs,
});
export const atLeast = (times: number): Goal => ({
  text: `≥ ${times}×`,
  met: (makima, reference) => makima >= reference * times,
});
export const under = (limit: number, unit: string): Goal => ({
  text: `≤ ${limit.toLocaleString("en")} ${unit}`,
  met: (makima) => makima <= limit,
});
export const over = (limit: number, unit: string): Goal => ({
  text: `≥ ${limit.toLocaleString("en")}${unit}`,
  met: (makima) => makima >= limit,
});
