/** Kinds of columns: what is read, what may be inserted, what may be written. */
import type { ColumnType } from "kysely";

/** Read as a value, written as JSON text (see `json.ts`). */
export type Json<T> = ColumnType<T, string | null | undefined, string | null>;
export type Stamp = ColumnType<Date, Date | string | undefined, Date | string>;
export type MaybeStamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
