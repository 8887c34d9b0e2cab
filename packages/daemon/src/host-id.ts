/** Identity of this machine, the same for every daemon and CLI on it: a local repository belongs to its host. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

const MACHINE_ID_FILES = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/** The system's machine id; the host's name where it has none. */
export function hostId(): string {
  for (const path of MACHINE_ID_FILES) {
    try {
      const id = readFileSync(path, "utf8").trim();
      if (/^[0-9a-f]{32}$/.test(id)) return id;
    } catch {
      // Not every system has one.
    }
  }
  return hostname();
}
