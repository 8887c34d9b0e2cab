/** Takes the lock that is named, says so, and keeps it until it is killed. */
import { acquireLock } from "../lock.ts";

const taken = acquireLock(process.argv[2] ?? "");
process.stdout.write("lock" in taken ? "held\n" : "refused\n");
process.stdin.resume();
