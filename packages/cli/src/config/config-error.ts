/** What is wrong in the configuration: every issue with the place it stands in. */

export interface ConfigIssue {
  /** `file:line`, the name of a variable, or `--flag`. */
  where: string;
  message: string;
}

export class ConfigError extends Error {
  readonly code = "BAD_CONFIG";
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map((issue) => `${issue.where}: ${issue.message}`).join("\n"));
    this.name = "ConfigError";
    this.issues = issues;
  }

  lines(): string[] {
    return this.message.split("\n");
  }
}
