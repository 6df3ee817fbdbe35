/** The notifier's stack as CloudFormation would make it of its template, and as Terraform plans it. */
import type { Json, JsonObject } from '../../src/deploy/json-text.ts';
import { readTemplate } from '../deploy/cloudformation-template.ts';

export const FAMILIES = ['nightly-batch', 'import-*'];
export const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-AbCdEf';
export const LOG_GROUP_ARN = 'arn:aws:logs:us-east-1:123456789012:log-group:/ecs/nightly-batch';

const { Resources } = readTemplate('notifier.yaml');

function propertiesOf(name: string): JsonObject {
  const properties = Resources[name]?.Properties;
  if (properties === undefined) throw new Error(`there is no ${name}`);
  return properties;
}

/** The pattern of the rule. */
export function cloudFormationPattern(): Json {
  return propertiesOf('Rule').EventPattern ?? null;
}

interface Statement extends JsonObject {
  readonly Sid: string;
  readonly Action: string | readonly string[];
}

/** What the function's role always allows: statement by statement, without the resources. */
export function cloudFormationActions(): readonly JsonObject[] {
  const [policy] = propertiesOf('FunctionRole').Policies as readonly {
    readonly PolicyDocument: { readonly Statement: readonly (Statement | { readonly 'Fn::If': Json })[] };
  }[];
  const statements = policy?.PolicyDocument.Statement ?? [];
  return statements.flatMap((statement) => ('Sid' in statement ? [actionsOf(statement as Statement)] : []));
}

export function actionsOf({ Sid, Action }: Pick<Statement, 'Sid' | 'Action'>): JsonObject {
  return { Sid, Action };
}

/** The function's own settings, by the template. */
export function cloudFormationFunction(): JsonObject {
  const {
    Runtime = null,
    Handler = null,
    Timeout = null,
    MemorySize = null,
    Environment,
  } = propertiesOf('Function');
  const { Variables } = Environment as { readonly Variables: JsonObject };
  return { Runtime, Handler, Timeout, MemorySize, variables: Object.keys(Variables).toSorted() };
}
