/** What no agent in a sandbox may read, however readable it is to the person who runs makima. */

/** Under the home folder: keys, cloud credentials, tokens of tools, password stores, browsers' cookies. */
export const HOME_SECRETS = [
  ".ssh",
  ".gnupg",
  ".aws",
  ".azure",
  ".kube",
  ".docker",
  ".config/gcloud",
  ".config/gh",
  ".config/glab-cli",
  ".config/hub",
  ".config/doctl",
  ".config/op",
  ".config/rclone",
  ".config/sops",
  ".oci",
  ".netrc",
  ".git-credentials",
  ".config/git/credentials",
  ".npmrc",
  ".yarnrc.yml",
  ".pypirc",
  ".config/pypoetry/auth.toml",
  ".cargo/credentials",
  ".cargo/credentials.toml",
  ".gem/credentials",
  ".m2/settings.xml",
  ".gradle/gradle.properties",
  ".composer/auth.json",
  ".terraform.d",
  ".terraformrc",
  ".vault-token",
  ".pgpass",
  ".my.cnf",
  ".password-store",
  ".local/share/keyrings",
  ".mozilla",
  ".config/google-chrome",
  ".config/chromium",
  ".config/BraveSoftware",
] as const;

/** makima's own, beside what its configuration names. */
export const MAKIMA_HOME_SECRETS = [".makima", ".config/makima"] as const;

/** Of the system: readable in the sandbox when makima runs as root, which owns them. */
export const ROOT_SECRETS = [
  "/etc/shadow",
  "/etc/shadow-",
  "/etc/gshadow",
  "/etc/gshadow-",
  "/etc/sudoers",
  "/etc/sudoers.d",
  "/etc/ssh",
  "/etc/ssl/private",
  "/etc/kubernetes",
  "/etc/rancher",
  "/etc/wireguard",
  "/etc/NetworkManager/system-connections",
  "/var/lib/makima",
  "/var/lib/docker",
  "/var/lib/kubelet",
  "/var/lib/containerd",
  "/var/spool/cron",
] as const;

/**
 * Switches of the kernel in /proc. bubblewrap leaves them writable to uid 0, which owns them even without a
 * capability: a command written to `core_pattern` would be run outside, as root.
 */
export const KERNEL_SWITCHES = [
  "/proc/sys",
  "/proc/sysrq-trigger",
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/acpi",
  "/proc/asound",
  "/proc/scsi",
  "/proc/driver",
  "/proc/mtrr",
] as const;

/** What the kernel tells root about itself and about everyone's keys and memory. */
export const KERNEL_SECRETS = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"] as const;
