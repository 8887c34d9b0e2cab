/** Blocks: makima and its reference take turns, so that what slows the machine down slows both. */

export interface Sides {
  makima: (block: number) => Promise<number[]>;
  reference?: (block: number) => Promise<number[]>;
}

/**
 * Runs `blocks` blocks of each side. The side that begins changes with each block. Each side gives a list
 * of figures; what comes back has, for each of them, one value a block.
 */
export async function interleave(
  blocks: number,
  { makima, reference }: Sides,
): Promise<{ makima: number[][]; reference: number[][] }> {
  const found = { makima: [] as number[][], reference: [] as number[][] };
  for (let block = 0; block < blocks; block += 1) {
    const sides = [
      async () => found.makima.push(await makima(block)),
      async () => reference && found.reference.push(await reference(block)),
    ];
    for (const side of block % 2 === 0 ? sides : sides.toReversed()) await side();
  }
  return { makima: transpose(found.makima), reference: transpose(found.reference) };
}

/** One list a figure out of one list a block. */
function transpose(blocks: number[][]): number[][] {
  return (blocks[0] ?? []).map((_, figure) => blocks.map((values) => values[figure] ?? Number.NaN));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between the two nearest values, in proportion. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
