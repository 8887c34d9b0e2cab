/** Finds a command as the shell would, so that "not found" is said before anything is started. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** Absolute path of `command`; `undefined` when it is nowhere on `path` or may not be executed. */
export async function findExecutable(
  command: string,
  path: string,
  cwd: string,
): Promise<string | undefined> {
  if (command === "") return undefined;
  const places = command.includes("/")
    ? [resolve(cwd, command)]
    : path
        .split(delimiter)
        .filter((folder) => isAbsolute(folder))
        .map((folder) => join(folder, command));
  for (const place of places) {
    if (await isExecutable(place)) return place;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
