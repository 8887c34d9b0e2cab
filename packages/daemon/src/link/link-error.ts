/** What can be wrong between this daemon and its server for good. */
export class LinkError extends Error {
  override readonly name = "LinkError";
  readonly code: "refused" | "other_server";

  constructor(code: LinkError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
