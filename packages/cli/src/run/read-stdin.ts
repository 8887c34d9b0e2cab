/** Standard input as a whole, bounded: more than any text that makima takes is not read into memory. */
import { usageError } from "../cli-error.ts";

const MOST_BYTES = 16 * 1024 * 1024;

export async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer | string>) {
    const part = Buffer.from(chunk as Buffer);
    bytes += part.length;
    if (bytes > MOST_BYTES)
      throw usageError("Standard input is larger than 16 MiB.", "Pipe less, or name a file");
    chunks.push(part);
  }
  return Buffer.concat(chunks);
}
