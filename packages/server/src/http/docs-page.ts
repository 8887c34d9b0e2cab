/** Pages at /docs: the routes, and one page for each error code. No scripts, nothing from elsewhere. */
import type { Route } from "@makima/protocol/api/route";
import { routes } from "@makima/protocol/api/routes";
import { PROBLEMS, problemType, type ProblemCode } from "@makima/protocol/problem";
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { scopeOf } from "./access.ts";
import { pathOfRoute } from "./mount.ts";

export function docsPage(): string {
  const tags = new Map<string, Route[]>();
  for (const route of Object.values(routes) as Route[]) {
    tags.set(route.tag, [...(tags.get(route.tag) ?? []), route]);
  }
  const sections = [...tags].map(
    ([tag, members]) =>
      `<h2>${escape(tag)}</h2><table><tr><th>Route<th>Does<th>Who<th>Scope</tr>${members.map(row).join("")}</table>`,
  );
  const codes = (Object.keys(PROBLEMS) as ProblemCode[]).map(
    (code) =>
      `<li><a href="${problemType(code)}">${code}</a> ${PROBLEMS[code].status}: ${escape(PROBLEMS[code].title)}`,
  );
  return page(
    `makima API ${MAKIMA_VERSION}`,
    `<p>The full description, for people and programs: <a href="/api/v1/openapi.json">openapi.json</a> (OpenAPI 3.1).
    Live: <code>WS /api/v1/mesh/tasks/subscribe</code>, <code>WS /api/v1/contracts/monitor</code>,
    <code>GET /api/v1/events</code> (server-sent events).</p>
    ${sections.join("")}<h2>Errors</h2><ul>${codes.join("")}</ul>`,
  );
}

/** Page of an error code, by the last part of its problem type; undefined when there is no such code. */
export function errorPage(name: string): string | undefined {
  const code = (Object.keys(PROBLEMS) as ProblemCode[]).find((each) =>
    problemType(each).endsWith(`/${name}`),
  );
  if (!code) return undefined;
  const { status, title } = PROBLEMS[code];
  return page(
    code,
    `<p>${escape(title)}. HTTP status ${status}.</p>
    <p>The answer's <code>detail</code> says what happened, <code>next</code> what helps, and <code>requestId</code>
    is how the server's log names the request.</p><p><a href="/docs">All routes and errors</a></p>`,
  );
}

function row(route: Route): string {
  const who = route.access === "public" ? "anyone" : route.access.join(", ");
  const scope = route.access === "public" ? "" : scopeOf(route);
  return `<tr><td><code>${route.method} ${escape(pathOfRoute(route))}</code><td>${escape(route.summary)}<td>${who}<td>${scope}</tr>`;
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(title)}</title><style>
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .75rem .25rem 0;vertical-align:top}
</style><h1>${escape(title)}</h1>${body}</html>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
