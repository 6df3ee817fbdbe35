/** Decides whether an action on a resource is allowed. */
export type Permits = (action: string, resourceArn: string) => boolean;

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

/**
 * Reads an identity policy as IAM does, as far as ours go: Allow statements with lists of actions and resources
 * and `*` in both. Anything else in it is an error, so that a test never believes a policy it did not understand.
 */
export function permitsOf(policy: { readonly Statement: readonly Statement[] }): Permits {
  for (const statement of policy.Statement) {
    const unknown = Object.keys(statement).filter(
      (key) => !['Sid', 'Effect', 'Action', 'Resource'].includes(key),
    );
    if (statement.Effect !== 'Allow' || unknown.length > 0) {
      throw new Error(`not understood in the policy: ${JSON.stringify(statement)}`);
    }
  }
  return (action, resourceArn) =>
    policy.Statement.some(
      (statement) =>
        asList(statement.Action).some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
        asList(statement.Resource).some((pattern) => matches(pattern, resourceArn)),
    );
}

function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

/** `*` stands for any run of characters, colons and slashes included; `?` for one. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(text);
}
