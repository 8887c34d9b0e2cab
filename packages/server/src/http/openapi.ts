/** The API's own description, made from the schemas that validate. */
import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifySchema } from "fastify";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import type { Route } from "@makima/protocol/api/route";
import { routes } from "@makima/protocol/api/routes";
import { problemSchema } from "@makima/protocol/problem";
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { z } from "zod";

/** Register before the routes: it sees only what is mounted after it. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.1",
      info: {
        title: "makima",
        version: MAKIMA_VERSION,
        description:
          "Errors are application/problem+json with a `code`. Lists are pages: pass `nextCursor` as `after`. " +
          "Creating and acting POSTs take an `Idempotency-Key`, which is remembered for 24 hours.",
      },
      components: {
        securitySchemes: {
          key: { type: "http", scheme: "bearer", description: "An API key (`mk_…`) or a JSON web token." },
          session: { type: "apiKey", in: "cookie", name: "makima_session" },
        },
        responses: {
          Problem: {
            description: "What was refused, and why.",
            content: { "application/problem+json": { schema: problemJson() as object } },
          },
        },
      },
    },
    transform: (document) => {
      const result = jsonSchemaTransform(document);
      const schema = result.schema as FastifySchema & { response?: Record<string, unknown> };
      return { ...result, schema };
    },
    transformObject: (document) => {
      const spec = "openapiObject" in document ? document.openapiObject : document.swaggerObject;
      for (const operation of operationsOf(spec)) {
        const route = (routes as Record<string, Route>)[operation.operationId];
        // Without a schema for its answer the plug-in would say 200.
        const success = route?.response ? withDescriptions(operation.responses) : { 204: NO_BODY };
        operation.responses = { ...success, default: PROBLEM };
      }
      return spec;
    },
  });
}

const PROBLEM = { $ref: "#/components/responses/Problem" };

const NO_BODY = { description: "Done; no body." };

interface Operation {
  operationId: string;
  responses?: Record<string, unknown>;
}

function operationsOf(spec: { paths?: object }): Operation[] {
  return Object.values(spec.paths ?? {}).flatMap((path: object) => Object.values(path) as Operation[]);
}

function withDescriptions(responses: Record<string, unknown> = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      { ...(response as object), description: "Success." },
    ]),
  );
}

function problemJson(): unknown {
  const { $schema: _, ...schema } = z.toJSONSchema(problemSchema) as Record<string, unknown>;
  return schema;
}
